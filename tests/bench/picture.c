/*
 * Pictures, and decoding without a daemon.
 */
#include "tests/bench/picture.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jpeglib.h>
#include <png.h>

static bool is_png(const struct picture *picture)
{
	return picture->size > 8 && png_sig_cmp(picture->data, 0, 8) == 0;
}

int picture_open(const struct setting *setting, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", setting->folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void begin_jpeg(struct jpeg_decompress_struct *codec, struct jpeg_error_mgr *errors,
	const struct picture *picture)
{
	codec->err = jpeg_std_error(errors);
	jpeg_create_decompress(codec);
	jpeg_mem_src(codec, picture->data, (unsigned long)picture->size);
	jpeg_read_header(codec, TRUE);
}

static void read_size(struct picture *picture)
{
	struct jpeg_decompress_struct codec;
	struct jpeg_error_mgr errors;
	png_image image = {.version = PNG_IMAGE_VERSION};
	if (is_png(picture)) {
		if (!png_image_begin_read_from_memory(&image, picture->data, picture->size))
			errx(1, "%s", image.message);
		picture->width = image.width;
		picture->height = image.height;
		png_image_free(&image);
		return;
	}
	begin_jpeg(&codec, &errors, picture);
	picture->width = codec.image_width;
	picture->height = codec.image_height;
	jpeg_destroy_decompress(&codec);
}

void picture_read(struct picture *picture, const struct setting *setting, const char *name)
{
	struct stat status;
	int fd = picture_open(setting, name);
	if (fstat(fd, &status) < 0)
		err(1, "%s", name);
	picture->size = (size_t)status.st_size;
	picture->data = malloc(picture->size);
	if (!picture->data || read(fd, picture->data, picture->size) != status.st_size)
		err(1, "%s", name);
	close(fd);
	read_size(picture);
}

void picture_free(struct picture *picture)
{
	free(picture->data);
}

size_t picture_bytes(const struct picture *picture)
{
	return (size_t)picture->width * picture->height * 4;
}

static void decode_jpeg(const struct picture *picture, uint8_t *pixels)
{
	enum { ROWS = 16 };
	struct jpeg_decompress_struct codec;
	struct jpeg_error_mgr errors;
	begin_jpeg(&codec, &errors, picture);
	codec.out_color_space = JCS_EXT_RGBA;
	jpeg_start_decompress(&codec);
	while (codec.output_scanline < codec.output_height) {
		JSAMPROW rows[ROWS];
		for (size_t i = 0; i < ROWS; i++)
			rows[i] = pixels + (codec.output_scanline + i) * picture->width * 4;
		jpeg_read_scanlines(&codec, rows, ROWS);
	}
	jpeg_finish_decompress(&codec);
	jpeg_destroy_decompress(&codec);
}

struct reader {
	const uint8_t *data;
	size_t left;
};

static void read_png(png_structp png, png_bytep to, size_t size)
{
	struct reader *reader = png_get_io_ptr(png);
	if (size > reader->left)
		png_error(png, "too short");
	memcpy(to, reader->data, size);
	reader->data += size;
	reader->left -= size;
}

/* As a program would that knows libpng: row by row, opaque alpha filled in. */
static void decode_png(const struct picture *picture, uint8_t *pixels)
{
	struct reader reader = {picture->data, picture->size};
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	if (!info || setjmp(png_jmpbuf(png)))
		errx(1, "libpng");
	png_set_read_fn(png, &reader, read_png);
	png_read_info(png, info);
	png_set_expand(png);
	png_set_gray_to_rgb(png);
	png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
	png_read_update_info(png, info);
	for (size_t y = 0; y < picture->height; y++)
		png_read_row(png, pixels + y * picture->width * 4, NULL);
	png_read_end(png, NULL);
	png_destroy_read_struct(&png, &info, NULL);
}

void picture_decode(const struct picture *picture, uint8_t *pixels)
{
	if (is_png(picture))
		decode_png(picture, pixels);
	else
		decode_jpeg(picture, pixels);
}
