/*
 * Makes a picture smaller while it is decoded: takes its strips, gives rows of the size that is
 * wanted, in order. Light is what is averaged, not samples: those are taken for sRGB's, whatever
 * profile a picture has. Colours count by their alpha. Holds as many rows as its filter reaches
 * over; the whole picture only if its rows do not come in order.
 */
#pragma once

#include <errno.h>

#include "daemon/decoder/file/picture.h"
#include "daemon/decoder/pixel/strip.h"

struct scale;

/* Takes rows of the small picture. */
typedef void scale_draw(void *context, const struct strip *strip);

#ifdef HAVE_ZIMG

/* Does all that needs the machine, before the decoder is confined. */
void scale_prepare(void);

/*
 * Begins, from the picture as its codec delivers it to its fitted size; the rows become those of
 * the format. Returns 0 or a negative errno; end it by scale_close() in any case.
 */
int scale_open(struct scale **scale, const struct picture *picture, enum format format,
	scale_draw *draw, void *context);

/* The format in which a strip needs no converting. */
enum format scale_format(const struct scale *scale);

/* Takes a strip; rows in order, when the picture says so. What fails is said at the end. */
void scale_put(struct scale *scale, const struct strip *strip);

/* Draws what is left. Returns 0, or the negative errno of what failed. */
int scale_finish(struct scale *scale);

void scale_close(struct scale *scale);

#else

/* Nothing is to be made smaller then: picture_fit() sees to it. */
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
