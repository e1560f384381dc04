/*
 * Converts rows of pixels from the kinds that codecs deliver to the formats of segments.
 */
#pragma once

#include <stddef.h>

#include "client/protocol/format.h"
#include "daemon/decoder/pixel/row.h"

/* Whether rows of this kind are rows of the format already. */
int convert_is_same(enum row row, enum format format);

/*
 * Converts count pixels; from and to do not overlap.
 * 8 to 16 bits is exact (times 257), 16 to 8 bits is rounded. If the format has no alpha, alpha
 * is dropped and the colours stay as they are. If the row has no alpha, pixels become opaque.
 */
void convert_row(void *to, enum format format, const void *from, enum row row, size_t count);
