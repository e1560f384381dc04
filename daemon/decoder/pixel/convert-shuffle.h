/*
 * Conversions that only move bytes of 8-bit pixels and make them opaque, four pixels at a
 * time by a processor that can (SSSE3).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "daemon/decoder/pixel/convert.h"

/*
 * Converts as many pixels of a row as it can, the first ones. Returns how many: 0 for
 * conversions that are none of these, and on other processors.
 */
size_t convert_shuffle(
	uint8_t *to, enum format format, const uint8_t *from, enum row row, size_t count);
