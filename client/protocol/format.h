/*
 * The table of pixel formats: their words, sizes, and codes in drm_fourcc.h of the Linux kernel.
 * These codes describe the bytes in memory on little-endian machines.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FOURCC(a, b, c, d) \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/*
 * Constant, number in segment headers, word on the wire, bytes of a pixel, fourcc.
 *
 * RGBA8         bytes R G B A, straight alpha            DRM_FORMAT_ABGR8888
 * BGRA8-premul  bytes B G R A, premultiplied alpha       DRM_FORMAT_ARGB8888
 * RGB8          bytes R G B                              DRM_FORMAT_BGR888
 * GRAY8         one byte                                 DRM_FORMAT_R8
 * RGBA16        four uint16_t in host order, straight    DRM_FORMAT_ABGR16161616
 * GRAY16        one uint16_t in host order               DRM_FORMAT_R16
 */
#define FORMAT_TABLE(X)                                                   \
	X(RGBA8, 1, "RGBA8", 4, FOURCC('A', 'B', '2', '4'))               \
	X(BGRA8_PREMUL, 2, "BGRA8-premul", 4, FOURCC('A', 'R', '2', '4')) \
	X(RGB8, 3, "RGB8", 3, FOURCC('B', 'G', '2', '4'))                 \
	X(GRAY8, 4, "GRAY8", 1, FOURCC('R', '8', ' ', ' '))               \
	X(RGBA16, 5, "RGBA16", 8, FOURCC('A', 'B', '4', '8'))             \
	X(GRAY16, 6, "GRAY16", 2, FOURCC('R', '1', '6', ' '))

enum format {
	FORMAT_NATIVE = 0, /* in requests only: the format nearest to the file */
#define X(constant, number, word, bytes, fourcc) FORMAT_##constant = (number),
	FORMAT_TABLE(X)
#undef X
		FORMAT_COUNT,
};

/* The word of a format; "native" for FORMAT_NATIVE; NULL for an unknown format. */
const char *format_to_string(enum format format);

/* Bytes of a pixel; 0 for FORMAT_NATIVE and for an unknown format. */
unsigned format_pixel_bytes(enum format format);

uint32_t format_fourcc(enum format format);

/* The format of a word, FORMAT_NATIVE included, or -EINVAL. */
int format_from_string(const char *word);

bool format_is_grey(enum format format);

/* Whether a format has 16 bits per sample. */
bool format_is_wide(enum format format);

bool format_has_alpha(enum format format);

/*
 * Whether pixels in the format `from` can be converted to the format `to` with the same result
 * as the file itself, whose nearest format is `native`: `from` has lost nothing that `to` can
 * hold, and nothing is rounded twice.
 */
bool format_keeps(enum format from, enum format to, enum format native);
