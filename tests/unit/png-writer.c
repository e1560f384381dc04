/*
 * Writes PNG files of random samples.
 */
#include "config.h"

#include "tests/unit/png-writer.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "tests/unit/unit.h"

struct writer {
	const struct png_kind *kind;
	struct expectation *expected;
	png_structp png;
	png_infop info;
	struct bytes file;
	unsigned channels;
	uint32_t seed;
	uint16_t key[3]; /* the transparent colour */
	png_color palette[256];
	png_byte alphas[256];
	int alpha_count;
};

static void append(png_structp png, png_bytep data, size_t size)
{
	struct bytes *file = png_get_io_ptr(png);
	file->data = realloc(file->data, file->size + size);
	assert_non_null(file->data);
	memcpy(file->data + file->size, data, size);
	file->size += size;
}

static void flush(png_structp png)
{
	(void)png;
}

static _Noreturn void stop(png_structp png, png_const_charp message)
{
	(void)png;
	print_error("%s\n", message);
	abort();
}

static uint16_t most(const struct writer *writer)
{
	return (uint16_t)((1u << writer->kind->depth) - 1);
}

static void set_transparency(struct writer *writer)
{
	for (int i = 0; i < 3; i++)
		writer->key[i] = (uint16_t)draw(&writer->seed) & most(writer);
	png_color_16 key = {.red = writer->key[0],
		.green = writer->key[1],
		.blue = writer->key[2],
		.gray = writer->key[0]};
	writer->alpha_count = writer->kind->depth > 8 ? 0 : (most(writer) + 1) / 2;
	for (int i = 0; i < writer->alpha_count; i++)
		writer->alphas[i] = (png_byte)draw(&writer->seed);
	png_set_tRNS(writer->png, writer->info, writer->alphas, writer->alpha_count, &key);
}

static void set_palette(struct writer *writer)
{
	for (int i = 0; i < 256; i++) {
		writer->palette[i].red = (png_byte)draw(&writer->seed);
		writer->palette[i].green = (png_byte)draw(&writer->seed);
		writer->palette[i].blue = (png_byte)draw(&writer->seed);
	}
	png_set_PLTE(writer->png, writer->info, writer->palette, most(writer) + 1);
}

static void set_extras(struct writer *writer, const struct png_extras *extras)
{
	if (extras->icc)
		png_set_iCCP(writer->png, writer->info, "test", PNG_COMPRESSION_TYPE_BASE,
			extras->icc->data, (png_uint_32)extras->icc->size);
	if (extras->srgb)
		png_set_sRGB(writer->png, writer->info, PNG_sRGB_INTENT_PERCEPTUAL);
}

static void write_exif(struct writer *writer, const struct png_extras *extras, bool late)
{
	static const png_byte name[] = "eXIf";
	if (extras->exif && extras->exif_late == late)
		png_write_chunk(writer->png, name, extras->exif->data, extras->exif->size);
}

/* The meaning of the samples of a pixel, except for palettes. */
static struct sample meaning(const struct writer *writer, const uint16_t *samples)
{
	const struct png_kind *kind = writer->kind;
	uint16_t full = kind->depth == 16 ? 65535 : 255;
	uint16_t scale = full / most(writer);
	bool colour = writer->channels >= 3;
	struct sample sample = {(uint16_t)(samples[0] * scale),
		(uint16_t)(samples[colour ? 1 : 0] * scale),
		(uint16_t)(samples[colour ? 2 : 0] * scale), full};
	if (writer->channels % 2 == 0)
		sample.alpha = samples[writer->channels - 1];
	size_t key_size = (colour ? 3 : 1) * sizeof(*samples);
	if (kind->transparent && memcmp(samples, writer->key, key_size) == 0)
		sample.alpha = 0;
	return sample;
}

static struct sample meaning_of_index(const struct writer *writer, uint16_t index)
{
	const png_color *colour = &writer->palette[index];
	bool has_alpha = writer->kind->transparent && index < writer->alpha_count;
	return (struct sample){
		colour->red, colour->green, colour->blue, has_alpha ? writer->alphas[index] : 255};
}

/* Appends a sample's bits to a row. */
static void pack(uint8_t *row, size_t index, uint16_t value, int depth)
{
	size_t bit = index * (size_t)depth;
	if (depth == 16) {
		row[bit / 8] = (uint8_t)(value >> 8);
		row[bit / 8 + 1] = (uint8_t)value;
	} else {
		row[bit / 8] = (uint8_t)(row[bit / 8] | value << (8 - depth - (int)(bit % 8)));
	}
}

/* Draws a row of samples; every fifth pixel has the transparent colour. */
static void fill_row(struct writer *writer, uint8_t *row, uint32_t y)
{
	uint32_t width = writer->expected->width;
	memset(row, 0, (size_t)width * 8);
	for (uint32_t x = 0; x < width; x++) {
		uint16_t samples[4];
		for (unsigned i = 0; i < writer->channels; i++)
			samples[i] = (uint16_t)draw(&writer->seed) & most(writer);
		if (writer->kind->transparent && x % 5 == 0 && writer->channels <= 3)
			memcpy(samples, writer->key, writer->channels * sizeof(*samples));
		for (unsigned i = 0; i < writer->channels; i++)
			pack(row, (size_t)x * writer->channels + i, samples[i],
				writer->kind->depth);
		bool indexed = writer->kind->colour_type == PNG_COLOR_TYPE_PALETTE;
		writer->expected->samples[(size_t)y * width + x] =
			indexed ? meaning_of_index(writer, samples[0]) : meaning(writer, samples);
	}
}

static void write_pixels(struct writer *writer)
{
	uint32_t height = writer->expected->height;
	png_bytepp rows = calloc(height, sizeof(*rows));
	assert_non_null(rows);
	for (uint32_t y = 0; y < height; y++) {
		rows[y] = malloc((size_t)writer->expected->width * 8);
		assert_non_null(rows[y]);
		fill_row(writer, rows[y], y);
	}
	png_write_image(writer->png, rows);
	for (uint32_t y = 0; y < height; y++)
		free(rows[y]);
	free(rows);
}

static enum format native_of(const struct png_kind *kind)
{
	bool grey = !(kind->colour_type & PNG_COLOR_MASK_COLOR);
	bool alpha = kind->transparent || kind->colour_type & PNG_COLOR_MASK_ALPHA;
	if (kind->depth == 16)
		return grey && !alpha ? FORMAT_GRAY16 : FORMAT_RGBA16;
	if (alpha)
		return FORMAT_RGBA8;
	return grey ? FORMAT_GRAY8 : FORMAT_RGB8;
}

static void begin(struct writer *writer, const struct png_extras *extras)
{
	const struct png_kind *kind = writer->kind;
	writer->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, stop, NULL);
	writer->info = png_create_info_struct(writer->png);
	assert_non_null(writer->info);
	png_set_write_fn(writer->png, &writer->file, append, flush);
	png_set_IHDR(writer->png, writer->info, writer->expected->width, writer->expected->height,
		kind->depth, kind->colour_type,
		kind->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
		PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
	writer->channels = png_get_channels(writer->png, writer->info);
	if (kind->colour_type == PNG_COLOR_TYPE_PALETTE)
		set_palette(writer);
	if (kind->transparent)
		set_transparency(writer);
	set_extras(writer, extras);
}

struct bytes png_write(const struct png_kind *kind, uint32_t width, uint32_t height,
	const struct png_extras *extras, struct expectation *expected)
{
	static const struct png_extras none = {0};
	static const png_byte text_name[] = "tEXt";
	struct writer writer = {.kind = kind, .expected = expected, .seed = width * 31 + height};
	expectation_begin(expected, width, height);
	expected->wide = kind->depth == 16;
	expected->native = native_of(kind);
	extras = extras ? extras : &none;
	begin(&writer, extras);
	png_write_info(writer.png, writer.info);
	write_exif(&writer, extras, false);
	if (extras->text)
		png_write_chunk(writer.png, text_name, extras->text->data, extras->text->size);
	write_pixels(&writer);
	write_exif(&writer, extras, true);
	png_write_end(writer.png, NULL);
	png_destroy_write_struct(&writer.png, &writer.info);
	return writer.file;
}
