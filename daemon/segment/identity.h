/*
 * The identity of a daemon: what it and the next daemon at the same socket know, and nobody else
 * may choose.
 */
#pragma once

#include "daemon/base/siphash.h"

enum { INSTANCE_ID_SIZE = 17 };

struct identity {
	char id[INSTANCE_ID_SIZE]; /* 16 hexadecimal digits: part of every segment's name; public */
	unsigned char key[SIPHASH_KEY_SIZE]; /* seals what is left to the next daemon; secret */
	char follows[128];		     /* folder of the follow records, beside the socket */
};
