/*
 * The choice of a codec, and the frame around its calls.
 *
 * The first bytes of a file are shown to each codec of the table in turn, and the first one that
 * knows them reads the file. Names and suffixes are not asked: they are often wrong, and a file
 * that comes as a descriptor has none.
 */
#include "config.h"

#include "daemon/decoder/codec/codec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/decoder/pixel/scale.h"

static const struct codec *const codecs[] = {
#define X(name) &name,
	CODEC_TABLE(X)
#undef X
};

enum { CODECS = sizeof(codecs) / sizeof(codecs[0]) };

void codec_prepare(void)
{
	for (size_t i = 0; i < CODECS; i++) {
		if (codecs[i]->prepare)
			codecs[i]->prepare();
	}
	scale_prepare();
}

static const struct codec *codec_find(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < CODECS; i++) {
		if (codecs[i]->probe(bytes, size))
			return codecs[i];
	}
	return NULL;
}

static void codec_begin(struct picture *picture, int fd)
{
	picture->codec = NULL;
	picture->state = NULL;
	picture->width = picture->height = 0;
	picture->full_width = picture->full_height = 0;
	picture->native = FORMAT_RGBA8;
	picture->colour = COLOUR_UNSPECIFIED;
	picture->orientation = 1;
	picture->turned_by = 1;
	picture->in_order = false;
	picture->eighths = EIGHTHS;
	picture->block_count = 0;
	picture->error = (struct job_error){0};
	input_begin(&picture->input, fd);
}

/* Fails a file of no known format: "not a JPEG, PNG or XPM file", by the table of this build. */
static int codec_fail_unknown(struct picture *picture)
{
	char types[CODECS * (sizeof(codecs[0]->type) + sizeof(" or "))] = "";
	size_t length = 0;
	for (size_t i = 0; i < CODECS; i++) {
		const char *separator = i == 0 ? "" : i + 1 < CODECS ? ", " : " or ";
		length += (size_t)snprintf(
			types + length, sizeof(types) - length, "%s%s", separator, codecs[i]->type);
	}
	return picture_fail(picture, FAULT_NOT_AN_IMAGE, "not a %s file", types);
}

/* Sets the codec by the first bytes of the file. Returns 0 or a negative errno. */
static int codec_choose(struct picture *picture)
{
	const uint8_t *bytes;
	ssize_t size = input_peek(&picture->input, &bytes);
	if (size <= 0)
		return picture_fail(picture, FAULT_NOT_AN_IMAGE, "the file is empty");
	picture->codec = codec_find(bytes, (size_t)size);
	return picture->codec ? 0 : codec_fail_unknown(picture);
}

int codec_open(struct picture *picture, int fd, enum job_source source)
{
	codec_begin(picture, fd);
	int result = 0;
	if (source == JOB_SOURCE_SEGMENT)
		picture->codec = &codec_segment;
	else
		result = codec_choose(picture);
	if (result < 0)
		return result;
	memcpy(picture->type, picture->codec->type, sizeof(picture->type));
	result = picture->codec->open(picture);
	if (result < 0)
		return result;
	if (picture->width == 0 || picture->height == 0 || picture->width > INT32_MAX ||
		picture->height > INT32_MAX)
		return picture_fail(picture, FAULT_NOT_AN_IMAGE,
			"%s: width or height is 0, or more than %d", picture->codec->type,
			INT32_MAX);
	if (picture->full_width == 0) {
		picture->full_width = picture->width;
		picture->full_height = picture->height;
	}
	picture->fitted_width = picture->width;
	picture->fitted_height = picture->height;
	return 0;
}

int codec_fit(struct picture *picture, uint32_t max_width, uint32_t max_height)
{
	int result = picture_fit(picture, max_width, max_height);
	if (result == 0 && picture_is_scaled(picture) && picture->codec->reduce)
		picture->codec->reduce(picture, picture->fitted_width, picture->fitted_height);
	return result;
}

int codec_decode(struct picture *picture, struct target *target)
{
	return picture->codec->decode(picture, target);
}

void codec_close(struct picture *picture)
{
	if (picture->codec)
		picture->codec->close(picture);
	picture->codec = NULL;
	picture_clear(picture);
}
