/*
 * The conversions that only move bytes of 8-bit pixels, by one instruction for four pixels.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "client/protocol/format.h"
#include "daemon/decoder/pixel/row.h"

/*
 * Converts the first pixels of a row, as many as it can. Returns how many: 0 if the conversion
 * does more than move bytes, or if the processor has no SSSE3.
 */
size_t convert_shuffle(
	uint8_t *to, enum format format, const uint8_t *from, enum row row, size_t count);
