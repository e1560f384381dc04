/*
 * The table of codecs. The content of a file decides which one it is for, never its name.
 * A codec reads through picture->input, writes through a canvas, and touches nothing else.
 */
#pragma once

#include <stdbool.h>

#include "daemon/decoder/file/picture.h"
#include "daemon/decoder/pixel/target.h"

struct codec {
	char type[8]; /* ended by NUL */

	/* Has the library look at the machine, which it may not do once it is confined; or NULL. */
	void (*prepare)(void);

	/* Whether a file that begins like this is for this codec; NULL for what is no file. */
	bool (*probe)(const uint8_t *bytes, size_t size);

	/* Reads all that is known before the pixels, and sets what struct picture says.
	 * Returns 0 or, having failed the picture, a negative errno. */
	int (*open)(struct picture *picture);

	/* Sets picture->eighths, if it can deliver less than the picture for less, but so many
	 * pixels and rows at least; or NULL. */
	void (*reduce)(struct picture *picture, uint32_t width, uint32_t height);

	/* Decodes all pixels and the rest of the file. Returns as open() does. */
	int (*decode)(struct picture *picture, struct target *target);

	/* Frees picture->state, after open() has failed too. */
	void (*close)(struct picture *picture);
};

extern const struct codec codec_jpeg;
extern const struct codec codec_png;
extern const struct codec codec_segment;
extern const struct codec codec_xpm;

/* Does all that codecs need files of the system for. */
void codec_prepare(void);

/*
 * Begins a picture of a file and reads its header by the codec that fits; or of a segment, which
 * no file is taken for. Returns 0 or, picture->error saying why, a negative errno. End it by
 * codec_close().
 */
int codec_open(struct picture *picture, int fd, enum job_source source);

/*
 * Has the picture fitted into a box, as picture_fit() does, by its codec as far as this can.
 * After codec_open() and before codec_decode(); without it the picture keeps its size.
 */
int codec_fit(struct picture *picture, uint32_t most_wide, uint32_t most_high);

int codec_decode(struct picture *picture, struct target *target);

/* Frees all that the picture holds. */
void codec_close(struct picture *picture);
