/*
 * The codecs: one for each format of files, and one for segments.
 *
 * To add a format: write a file with a struct codec, add it to CODEC_TABLE and to local.mk. If it
 * needs a library, add that to configure.ac, and make the row of the table depend on it.
 */
#pragma once

#include <stdbool.h>

#include "daemon/decoder/file/picture.h"
#include "daemon/decoder/pixel/target.h"

/* The codecs of files, in the order in which they are asked. */
#ifdef HAVE_XPM
#define CODEC_TABLE_XPM(X) X(codec_xpm)
#else
#define CODEC_TABLE_XPM(X)
#endif
#define CODEC_TABLE(X) \
	X(codec_jpeg)  \
	X(codec_png)   \
	CODEC_TABLE_XPM(X)

/*
 * A codec reads from picture->input and draws on a target. It touches nothing else. All errors
 * go through picture_fail().
 */
struct codec {
	char type[8]; /* as people call the format: "PNG"; ended by NUL */

	/* Does what the sandbox forbids later, such as to detect the processor. Or NULL. */
	void (*prepare)(void);

	/* Whether a file that begins with these bytes has this format. NULL for segments. */
	bool (*probe)(const uint8_t *bytes, size_t size);

	/* Reads everything before the pixels, and fills in the picture.
	 * Returns 0, or a negative errno after picture_fail(). */
	int (*open)(struct picture *picture);

	/* Sets picture->eighths if a smaller picture costs less to decode. The result has at
	 * least this width and height. NULL if the codec decodes whole pictures only. */
	void (*reduce)(struct picture *picture, uint32_t width, uint32_t height);

	/* Decodes all pixels and reads the rest of the file. Returns as open() does. */
	int (*decode)(struct picture *picture, struct target *target);

	/* Frees picture->state, also after open() has failed. */
	void (*close)(struct picture *picture);
};

#define X(name) extern const struct codec name;
CODEC_TABLE(X)
#undef X
extern const struct codec codec_segment;

/* Prepares all codecs and the scaling, before the decoder is confined. */
void codec_prepare(void);

/*
 * Begins a picture. The content of a file decides which codec reads it, the name does not. A
 * segment is read by codec_segment, and a file never is. Returns 0, or a negative errno after
 * picture_fail(). In any case end it by codec_close().
 */
int codec_open(struct picture *picture, int fd, enum job_source source);

/*
 * Fits the picture into a box, as picture_fit() does, and lets its codec reduce it. After
 * codec_open() and before codec_decode(). Without it the picture keeps its size.
 */
int codec_fit(struct picture *picture, uint32_t max_width, uint32_t max_height);

int codec_decode(struct picture *picture, struct target *target);

/* Frees everything that the picture holds. */
void codec_close(struct picture *picture);
