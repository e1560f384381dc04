/*
 * What STATS reports about requests, loads and turns, since the daemon's start.
 */
#pragma once

#include <stdint.h>

#include "daemon/base/turn-times.h"

struct counters {
	uint64_t loads;	      /* LOAD requests */
	uint64_t decodes;     /* decodes begun */
	uint64_t derived;     /* decodes from a segment in place of the file */
	uint64_t hits;	      /* LOADs answered from memory */
	uint64_t fetches;     /* FETCH requests */
	uint64_t errors;      /* requests refused */
	uint64_t connections; /* open now */
	struct turn_times turn_times;
};
