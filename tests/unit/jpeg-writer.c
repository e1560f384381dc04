/*
 * Writes JPEG files and reads them back.
 */
#include "config.h"

#include "tests/unit/jpeg-writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

const struct jpeg_kind jpeg_kinds[] = {
	{"grey", JCS_GRAYSCALE, JCS_GRAYSCALE, 1, 1, .progressive = false},
	{"grey progressive", JCS_GRAYSCALE, JCS_GRAYSCALE, 1, 1, .progressive = true},
	{"4:4:4", JCS_RGB, JCS_YCbCr, 1, 1, .progressive = false},
	{"4:2:2", JCS_RGB, JCS_YCbCr, 2, 1, .progressive = false},
	{"4:4:0", JCS_RGB, JCS_YCbCr, 1, 2, .progressive = false},
	{"4:2:0", JCS_RGB, JCS_YCbCr, 2, 2, .progressive = false},
	{"4:1:1", JCS_RGB, JCS_YCbCr, 4, 1, .progressive = false},
	{"4:2:0 with restarts", JCS_RGB, JCS_YCbCr, 2, 2, .restart = 3},
	{"4:4:4 progressive", JCS_RGB, JCS_YCbCr, 1, 1, .progressive = true},
	{"4:2:0 progressive", JCS_RGB, JCS_YCbCr, 2, 2, .progressive = true},
	{"4:2:0 arithmetic", JCS_RGB, JCS_YCbCr, 2, 2, .arithmetic = true},
	{"RGB", JCS_RGB, JCS_RGB, 1, 1, .progressive = false},
	{"CMYK of Adobe", JCS_CMYK, JCS_CMYK, 1, 1, .plain = false},
	{"CMYK without marker", JCS_CMYK, JCS_CMYK, 1, 1, .plain = true},
	{"CMYK progressive", JCS_CMYK, JCS_CMYK, 1, 1, .progressive = true},
	{"YCCK", JCS_CMYK, JCS_YCCK, 1, 1, .progressive = false},
	{"YCCK 4:2:0", JCS_CMYK, JCS_YCCK, 2, 2, .progressive = false},
	{.name = NULL},
};

static void set_kind(struct jpeg_compress_struct *codec, const struct jpeg_kind *kind)
{
	codec->in_color_space = kind->given;
	codec->input_components = kind->given == JCS_GRAYSCALE ? 1 : kind->given == JCS_RGB ? 3 : 4;
	jpeg_set_defaults(codec);
	jpeg_set_colorspace(codec, kind->space);
	codec->comp_info[0].h_samp_factor = kind->across;
	codec->comp_info[0].v_samp_factor = kind->down;
	if (kind->space == JCS_YCCK) {
		codec->comp_info[3].h_samp_factor = kind->across;
		codec->comp_info[3].v_samp_factor = kind->down;
	}
	if (kind->plain)
		codec->write_Adobe_marker = FALSE;
	codec->arith_code = kind->arithmetic;
	codec->restart_interval = kind->restart;
	jpeg_set_quality(codec, 90, TRUE);
	if (kind->progressive)
		jpeg_simple_progression(codec);
}

static void write_exif(struct jpeg_compress_struct *codec, const struct bytes *exif)
{
	uint8_t marker[65533] = "Exif\0";
	assert_true(exif->size <= sizeof(marker) - 6);
	memcpy(marker + 6, exif->data, exif->size);
	jpeg_write_marker(codec, JPEG_APP0 + 1, marker, (unsigned)exif->size + 6);
}

static void write_extras(struct jpeg_compress_struct *codec, const struct jpeg_extras *extras)
{
	if (extras && extras->exif)
		write_exif(codec, extras->exif);
	if (extras && extras->icc)
		jpeg_write_icc_profile(codec, extras->icc->data, (unsigned)extras->icc->size);
	if (extras && extras->comment)
		jpeg_write_marker(
			codec, JPEG_COM, extras->comment->data, (unsigned)extras->comment->size);
}

/* A slope in each channel with some noise on it. */
static void write_rows(struct jpeg_compress_struct *codec)
{
	uint32_t seed = codec->image_width;
	size_t channels = (size_t)codec->input_components;
	uint8_t *row = malloc(codec->image_width * channels);
	assert_non_null(row);
	while (codec->next_scanline < codec->image_height) {
		for (size_t i = 0; i < codec->image_width * channels; i++) {
			size_t slope = i / channels * (3 + i % channels) +
				       codec->next_scanline * (5 - i % channels);
			row[i] = (uint8_t)(slope + draw(&seed) % 32);
		}
		jpeg_write_scanlines(codec, &row, 1);
	}
	free(row);
}

struct bytes jpeg_write(const struct jpeg_kind *kind, uint32_t width, uint32_t height,
	const struct jpeg_extras *extras)
{
	struct jpeg_compress_struct codec;
	struct jpeg_error_mgr errors;
	codec.err = jpeg_std_error(&errors);
	jpeg_create_compress(&codec);
	unsigned char *data = NULL;
	unsigned long size = 0;
	jpeg_mem_dest(&codec, &data, &size);
	codec.image_width = width;
	codec.image_height = height;
	set_kind(&codec, kind);
	jpeg_start_compress(&codec, TRUE);
	write_extras(&codec, extras);
	write_rows(&codec);
	jpeg_finish_compress(&codec);
	jpeg_destroy_compress(&codec);
	return (struct bytes){data, size};
}

static void begin(struct jpeg_decompress_struct *codec, struct jpeg_error_mgr *errors,
	const struct bytes *file)
{
	codec->err = jpeg_std_error(errors);
	jpeg_create_decompress(codec);
	jpeg_mem_src(codec, file->data, file->size);
	jpeg_read_header(codec, TRUE);
}

/* All rows in a colour space, one after the other; to be freed. */
static uint8_t *read_as(const struct bytes *file, unsigned eighths, J_COLOR_SPACE space)
{
	struct jpeg_decompress_struct codec;
	struct jpeg_error_mgr errors;
	begin(&codec, &errors, file);
	codec.out_color_space = space;
	codec.scale_num = eighths;
	codec.scale_denom = 8;
	jpeg_start_decompress(&codec);
	size_t pitch = (size_t)codec.output_width * (size_t)codec.output_components;
	uint8_t *pixels = malloc(codec.output_height * pitch);
	assert_non_null(pixels);
	while (codec.output_scanline < codec.output_height) {
		uint8_t *row = pixels + codec.output_scanline * pitch;
		jpeg_read_scanlines(&codec, &row, 1);
	}
	jpeg_finish_decompress(&codec);
	jpeg_destroy_decompress(&codec);
	return pixels;
}

/* One channel of light where ink lies on paper; values are 0 for no ink. */
static uint16_t linear(double ink, double black)
{
	return (uint16_t)lround(255 * (1 - ink / 255) * (1 - black / 255));
}

static void expect_ink(
	const struct bytes *file, unsigned eighths, struct expectation *expected, bool inverted)
{
	uint8_t *pixels = read_as(file, eighths, JCS_CMYK);
	for (size_t i = 0; i < (size_t)expected->width * expected->height; i++) {
		double ink[4];
		for (size_t j = 0; j < 4; j++)
			ink[j] = inverted ? 255 - pixels[4 * i + j] : pixels[4 * i + j];
		expected->samples[i] = (struct sample){linear(ink[0], ink[3]),
			linear(ink[1], ink[3]), linear(ink[2], ink[3]), 255};
	}
	free(pixels);
}

static void expect_light(const struct bytes *file, unsigned eighths, struct expectation *expected)
{
	size_t count = (size_t)expected->width * expected->height;
	uint8_t *colours = read_as(file, eighths, JCS_RGB);
	uint8_t *greys = read_as(file, eighths, JCS_GRAYSCALE);
	expected->greys = calloc(count, sizeof(*expected->greys));
	assert_non_null(expected->greys);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *c = colours + 3 * i;
		expected->samples[i] = (struct sample){c[0], c[1], c[2], 255};
		expected->greys[i] = (struct sample){greys[i], greys[i], greys[i], 255};
	}
	free(colours);
	free(greys);
}

void jpeg_expect_part(const struct bytes *file, unsigned eighths, struct expectation *expected)
{
	struct jpeg_decompress_struct codec;
	struct jpeg_error_mgr errors;
	begin(&codec, &errors, file);
	expectation_begin(expected, (codec.image_width * eighths + 7) / 8,
		(codec.image_height * eighths + 7) / 8);
	expected->native = codec.num_components == 1 ? FORMAT_GRAY8 : FORMAT_RGB8;
	bool ink = codec.num_components == 4;
	bool inverted = codec.saw_Adobe_marker;
	jpeg_destroy_decompress(&codec);
	if (ink)
		expect_ink(file, eighths, expected, inverted);
	else
		expect_light(file, eighths, expected);
}

void jpeg_expect(const struct bytes *file, struct expectation *expected)
{
	jpeg_expect_part(file, 8, expected);
}
