/*
 * Pictures: the files to load, and the libraries that a program without a daemon would decode
 * them by, into RGBA.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/bench/bench.h"

/* A file of the folder, whole in memory. */
struct picture {
	uint8_t *data;
	size_t size;
	uint32_t width;
	uint32_t height;
};

/* Opens a file of the folder; ends the program when it is not there. */
int picture_open(const struct setting *setting, const char *name);

void picture_read(struct picture *picture, const struct setting *setting, const char *name);
void picture_free(struct picture *picture);

/* Bytes of its pixels in RGBA. */
size_t picture_bytes(const struct picture *picture);

/* Decodes it by libjpeg-turbo or libpng; pixels has picture_bytes(). */
void picture_decode(const struct picture *picture, uint8_t *pixels);
