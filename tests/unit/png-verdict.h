/*
 * Asserts that both ways to decode PNG agree, and which one it was.
 */
#pragma once

#include "tests/unit/decoder-harness.h"
#include "tests/unit/png-pair.h"

struct png_pair compare(const struct bytes *file, enum format format);

/* Asserts that the file was accepted without libpng. Frees it. */
void assert_fast(struct bytes *file, enum format format);

/* Asserts that libpng was needed, and its verdict. Frees the file. */
void assert_slow(struct bytes *file, bool accepted);
