/*
 * The error of a picture, its size in a box, and its blocks.
 */
#include "config.h"

#include "daemon/decoder/file/picture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/protocol/fit.h"

int picture_fail(struct picture *picture, enum fault fault, const char *format, ...)
{
	struct job_error *error = &picture->error;
	if (error->kind == JOB_ERROR)
		return -EBADMSG;
	*error = (struct job_error){.kind = JOB_ERROR, .fault = fault};
	if (picture->input.error) {
		error->fault = FAULT_DECODER_FAILED;
		snprintf(error->message, sizeof(error->message), "cannot read the file: %s",
			strerror(-picture->input.error));
		return -EBADMSG;
	}
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	for (char *c = error->message; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	return -EBADMSG;
}

void picture_turn(const struct picture *picture, uint32_t *width, uint32_t *height)
{
	uint32_t before = *width;
	if (picture->orientation < 5)
		return;
	*width = *height;
	*height = before;
}

int picture_fit(struct picture *picture, uint32_t max_width, uint32_t max_height)
{
	uint32_t width = picture->full_width, height = picture->full_height;
	picture_turn(picture, &width, &height);
	fit_inside(&width, &height, max_width, max_height);
	picture_turn(picture, &width, &height);
	if (width > picture->width || height > picture->height)
		return picture_fail(picture, FAULT_DECODER_FAILED,
			"%s: the source is smaller than the size that is wanted", picture->type);
	picture->fitted_width = width;
	picture->fitted_height = height;
#ifndef HAVE_ZIMG
	if (picture_is_scaled(picture))
		return picture_fail(picture, FAULT_DECODER_FAILED,
			"this build cannot make pictures smaller, for it is without zimg: "
			"load the picture in its full size");
#endif
	return 0;
}

bool picture_is_scaled(const struct picture *picture)
{
	return picture->fitted_width != picture->width || picture->fitted_height != picture->height;
}

static size_t picture_bytes_of_blocks(const struct picture *picture)
{
	size_t sum = 0;
	for (uint32_t i = 0; i < picture->block_count; i++)
		sum += picture->blocks[i].size;
	return sum;
}

int picture_add_block(struct picture *picture, uint32_t type, const void *data, size_t size)
{
	if (picture->block_count == HEADER_BLOCKS_MAX ||
		size > JOB_BLOCK_BYTES_MAX - picture_bytes_of_blocks(picture))
		return picture_fail(picture, FAULT_TOO_LARGE,
			"more than %d MiB of profiles and EXIF: remove them from the file",
			JOB_BLOCK_BYTES_MAX >> 20);
	struct picture_block *block = &picture->blocks[picture->block_count];
	block->data = malloc(size ? size : 1);
	if (!block->data)
		return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	memcpy(block->data, data, size);
	block->type = type;
	block->size = size;
	picture->block_count++;
	return 0;
}

void picture_clear(struct picture *picture)
{
	for (uint32_t i = 0; i < picture->block_count; i++)
		free(picture->blocks[i].data);
	picture->block_count = 0;
}
