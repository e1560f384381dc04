/*
 * Makes a picture smaller while it is decoded: takes its strips and draws the rows of the small
 * picture, in order.
 */
#pragma once

#include <errno.h>

#include "daemon/decoder/file/picture.h"
#include "daemon/decoder/pixel/strip.h"

struct scale;

/* Takes rows of the small picture. */
typedef void scale_draw(void *context, const struct strip *strip);

#ifdef HAVE_ZIMG

/* Makes tables and detects the processor, before the decoder is confined. */
void scale_prepare(void);

/*
 * Begins, from the size that the codec delivers to the fitted size. `format` is that of the
 * segment. Returns 0 or a negative errno. In any case end it by scale_close().
 */
int scale_open(struct scale **scale, const struct picture *picture, enum format format,
	scale_draw *draw, void *context);

/* The format in which a strip needs no conversion. */
enum format scale_format(const struct scale *scale);

/* Adds a strip. Rows come in order if picture->in_order. Errors are reported at the end. */
void scale_put(struct scale *scale, const struct strip *strip);

/* Draws the last rows. Returns 0, or the negative errno of the first failure. */
int scale_finish(struct scale *scale);

void scale_close(struct scale *scale);

#else

/* Without zimg nothing is made smaller: picture_fit() refuses it. */
static inline void scale_prepare(void)
{
}
static inline int scale_open(struct scale **scale, const struct picture *picture,
	enum format format, scale_draw *draw, void *context)
{
	(void)picture, (void)format, (void)draw, (void)context;
	*scale = NULL;
	return -ENOTSUP;
}
static inline enum format scale_format(const struct scale *scale)
{
	(void)scale;
	return FORMAT_NATIVE;
}
static inline void scale_put(struct scale *scale, const struct strip *strip)
{
	(void)scale, (void)strip;
}
static inline int scale_finish(struct scale *scale)
{
	(void)scale;
	return -ENOTSUP;
}
static inline void scale_close(struct scale *scale)
{
	(void)scale;
}

#endif
