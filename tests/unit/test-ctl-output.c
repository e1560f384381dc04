/*
 * Tests of the files that shmimgctl writes: each kind is read back by libpng's and
 * libjpeg's own readers, or by its definition, and compared with what must be in it.
 */
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "client/ctl/output.h"
#include "tests/unit/unit.h"

enum { WIDTH = 5, HEIGHT = 3, STRIDE = 64, ICC_SIZE = 132 };

/* Rows are 64 bytes apart, as in segments; what is between them must not get out. */
struct picture {
	_Alignas(8) uint8_t pixels[STRIDE * HEIGHT];
	struct raster raster;
};

static void fill(struct picture *picture, enum format format)
{
	picture->raster = (struct raster){.pixels = picture->pixels,
		.width = WIDTH,
		.height = HEIGHT,
		.stride = STRIDE,
		.format = format};
	size_t row = raster_row_bytes(&picture->raster);
	memset(picture->pixels, 0xee, sizeof(picture->pixels));
	for (size_t y = 0; y < HEIGHT; y++) {
		for (size_t i = 0; i < row; i++)
			picture->pixels[y * STRIDE + i] = (uint8_t)(y * 83 + i * 29 + 7);
	}
}

/* A profile header (ICC.1, 7.2) without tags; libpng reads none that shrinks to less. */
static const uint8_t *profile(void)
{
	static uint8_t data[ICC_SIZE];
	data[3] = ICC_SIZE;
	data[8] = 2;
	memcpy(data + 12, "mntrRGB XYZ ", 12);
	memcpy(data + 36, "acsp", 4);
	for (int i = 84; i < 128; i++)
		data[i] = (uint8_t)(i * i);
	memcpy(data + 68, "\0\0\xf6\xd6\0\1\0\0\0\0\xd3\x2d", 12);
	return data;
}

static FILE *write_as(const char *word, const struct raster *raster, struct output_notes *notes)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	*notes = (struct output_notes){0};
	assert_int_equal(output_from_string(word)->write(file, raster, 95, notes), 0);
	assert_int_equal(fflush(file), 0);
	rewind(file);
	return file;
}

/* What a PNG must hold: for each pixel its channels, straight, in the machine's order. */
static const uint8_t *png_row(const struct raster *raster, uint32_t y, uint8_t *scratch)
{
	const uint8_t *row = raster_row(raster, y);
	if (raster->format != FORMAT_BGRA8_PREMUL)
		return row;
	for (size_t x = 0; x < WIDTH; x++) {
		unsigned alpha = row[4 * x + 3];
		for (size_t i = 0; i < 3; i++) {
			unsigned value = row[4 * x + 2 - i];
			unsigned straight = alpha ? (value * 255 + alpha / 2) / alpha : 0;
			scratch[4 * x + i] = (uint8_t)(straight > 255 ? 255 : straight);
		}
		scratch[4 * x + 3] = (uint8_t)alpha;
	}
	return scratch;
}

static void check_png(FILE *file, const struct raster *raster)
{
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	png_init_io(png, file);
	png_read_png(png, info, PNG_TRANSFORM_SWAP_ENDIAN, NULL);
	assert_int_equal(png_get_image_width(png, info), WIDTH);
	assert_int_equal(png_get_image_height(png, info), HEIGHT);
	assert_int_equal(png_get_bit_depth(png, info), raster_depth(raster));
	assert_int_equal(png_get_channels(png, info), raster_channels(raster));
	png_bytepp rows = png_get_rows(png, info);
	for (uint32_t y = 0; y < HEIGHT; y++) {
		uint8_t scratch[STRIDE];
		assert_memory_equal(rows[y], png_row(raster, y, scratch), raster_row_bytes(raster));
	}
	char *name;
	png_bytep data;
	png_uint_32 size = 0;
	int method;
	png_get_iCCP(png, info, &name, &method, &data, &size);
	assert_int_equal(size, raster->icc_size);
	if (size)
		assert_memory_equal(data, raster->icc, size);
	png_destroy_read_struct(&png, &info, NULL);
}

static void test_png(void **state)
{
	(void)state;
	for (int i = FORMAT_NATIVE + 1; i < FORMAT_COUNT; i++) {
		struct picture picture;
		struct output_notes notes;
		fill(&picture, (enum format)i);
		FILE *file = write_as("png", &picture.raster, &notes);
		check_png(file, &picture.raster);
		assert_int_equal(notes.count, 0);
		fclose(file);
	}
}

static void test_png_profile(void **state)
{
	(void)state;
	struct picture picture;
	struct output_notes notes;
	fill(&picture, FORMAT_RGBA8);
	picture.raster.icc = profile();
	picture.raster.icc_size = ICC_SIZE;
	FILE *file = write_as("png", &picture.raster, &notes);
	check_png(file, &picture.raster);
	assert_int_equal(notes.count, 0);
	fclose(file);
}

/* A profile that is none, or of another colour space, is left out, and that is said. */
static void test_png_bad_profile(void **state)
{
	(void)state;
	struct picture picture;
	struct output_notes notes;
	fill(&picture, FORMAT_GRAY8);
	picture.raster.icc = profile();
	picture.raster.icc_size = ICC_SIZE;
	FILE *file = write_as("png", &picture.raster, &notes);
	picture.raster.icc_size = 0;
	check_png(file, &picture.raster);
	assert_int_equal(notes.count, 1);
	fclose(file);
}

static int distance(unsigned a, unsigned b)
{
	return a > b ? (int)(a - b) : (int)(b - a);
}

/* One colour all over, so that JPEG loses next to nothing. */
static void paint(struct picture *picture, enum format format, const void *pixel)
{
	fill(picture, format);
	size_t bytes = format_pixel_bytes(format);
	for (size_t y = 0; y < HEIGHT; y++) {
		for (size_t x = 0; x < WIDTH; x++)
			memcpy(picture->pixels + y * STRIDE + x * bytes, pixel, bytes);
	}
}

static void check_jpeg(FILE *file, int channels, const uint8_t *colour, const struct raster *raster)
{
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&jpeg);
	jpeg_save_markers(&jpeg, JPEG_APP0 + 2, 0xffff);
	jpeg_stdio_src(&jpeg, file);
	jpeg_read_header(&jpeg, TRUE);
	jpeg_start_decompress(&jpeg);
	assert_int_equal(jpeg.output_width, WIDTH);
	assert_int_equal(jpeg.output_height, HEIGHT);
	assert_int_equal(jpeg.output_components, channels);
	uint8_t row[WIDTH * 3];
	JSAMPROW rows = row;
	for (int y = 0; y < HEIGHT; y++) {
		assert_int_equal(jpeg_read_scanlines(&jpeg, &rows, 1), 1);
		for (int i = 0; i < WIDTH * channels; i++)
			assert_true(distance(row[i], colour[i % channels]) <= 3);
	}
	JOCTET *data = NULL;
	unsigned size = 0;
	jpeg_read_icc_profile(&jpeg, &data, &size);
	assert_int_equal(size, raster->icc_size);
	if (size)
		assert_memory_equal(data, raster->icc, size);
	free(data);
	jpeg_finish_decompress(&jpeg);
	jpeg_destroy_decompress(&jpeg);
}

static void try_jpeg(
	enum format format, const void *pixel, int channels, const uint8_t *colour, unsigned lost)
{
	struct picture picture;
	struct output_notes notes;
	paint(&picture, format, pixel);
	picture.raster.icc = profile();
	picture.raster.icc_size = ICC_SIZE;
	FILE *file = write_as("jpg", &picture.raster, &notes);
	check_jpeg(file, channels, colour, &picture.raster);
	assert_int_equal(notes.count, lost);
	fclose(file);
}

static void test_jpeg(void **state)
{
	(void)state;
	static const uint8_t colour[] = {200, 100, 50};
	static const uint8_t grey[] = {77};
	static const uint16_t wide[] = {200 * 257, 100 * 257, 50 * 257, 65535};
	static const uint16_t wide_grey[] = {77 * 257};
	try_jpeg(FORMAT_RGBA8, "\xc8\x64\x32\xff", 3, colour, 0);
	try_jpeg(FORMAT_RGBA8, "\xc8\x64\x32\x80", 3, colour, 1);
	/* Blue, green, red, each times 128/255. */
	try_jpeg(FORMAT_BGRA8_PREMUL, "\x19\x32\x64\x80", 3, colour, 1);
	try_jpeg(FORMAT_RGB8, "\xc8\x64\x32", 3, colour, 0);
	try_jpeg(FORMAT_GRAY8, "\x4d", 1, grey, 0);
	try_jpeg(FORMAT_RGBA16, wide, 3, colour, 1);
	try_jpeg(FORMAT_GRAY16, wide_grey, 1, grey, 1);
}

static void test_jpeg_too_large(void **state)
{
	(void)state;
	struct picture picture;
	struct output_notes notes = {0};
	fill(&picture, FORMAT_GRAY8);
	picture.raster.width = 65536;
	FILE *file = tmpfile();
	assert_non_null(file);
	assert_int_equal(
		output_from_string("jpeg")->write(file, &picture.raster, 90, &notes), -EFBIG);
	assert_non_null(strstr(notes.fault, "65500"));
	fclose(file);
}

/* pam(5): samples of 16 bits have the high byte first. */
static void check_samples(FILE *file, const struct raster *raster)
{
	size_t count = (size_t)WIDTH * raster_channels(raster);
	for (uint32_t y = 0; y < HEIGHT; y++) {
		uint8_t scratch[STRIDE];
		const void *row = png_row(raster, y, scratch);
		const uint8_t *narrow = row;
		const uint16_t *wide = row;
		for (size_t i = 0; i < count; i++) {
			int value = fgetc(file);
			if (raster_depth(raster) == 16)
				value = value << 8 | fgetc(file);
			assert_int_equal(value, raster_depth(raster) == 16 ? wide[i] : narrow[i]);
		}
	}
	assert_int_equal(fgetc(file), EOF);
}

static void check_pam(enum format format, const char *header)
{
	struct picture picture;
	struct output_notes notes;
	char text[256] = "";
	fill(&picture, format);
	FILE *file = write_as("pam", &picture.raster, &notes);
	assert_int_equal(fread(text, 1, strlen(header), file), strlen(header));
	assert_string_equal(text, header);
	check_samples(file, &picture.raster);
	fclose(file);
}

static void test_pam(void **state)
{
	(void)state;
#define HEADER(depth, max, type) \
	"P7\nWIDTH 5\nHEIGHT 3\nDEPTH " depth "\nMAXVAL " max "\nTUPLTYPE " type "\nENDHDR\n"
	check_pam(FORMAT_RGBA8, HEADER("4", "255", "RGB_ALPHA"));
	check_pam(FORMAT_BGRA8_PREMUL, HEADER("4", "255", "RGB_ALPHA"));
	check_pam(FORMAT_RGB8, HEADER("3", "255", "RGB"));
	check_pam(FORMAT_GRAY8, HEADER("1", "255", "GRAYSCALE"));
	check_pam(FORMAT_RGBA16, HEADER("4", "65535", "RGB_ALPHA"));
	check_pam(FORMAT_GRAY16, HEADER("1", "65535", "GRAYSCALE"));
#undef HEADER
}

static void test_raw(void **state)
{
	(void)state;
	for (int i = FORMAT_NATIVE + 1; i < FORMAT_COUNT; i++) {
		struct picture picture;
		struct output_notes notes;
		fill(&picture, (enum format)i);
		size_t bytes = raster_row_bytes(&picture.raster);
		FILE *file = write_as("raw", &picture.raster, &notes);
		for (uint32_t y = 0; y < HEIGHT; y++) {
			uint8_t row[STRIDE];
			assert_int_equal(fread(row, 1, bytes, file), bytes);
			assert_memory_equal(row, raster_row(&picture.raster, y), bytes);
		}
		assert_int_equal(fgetc(file), EOF);
		fclose(file);
	}
}

/* A full disk is an error of every writer, told by its errno. */
static void test_full_disk(void **state)
{
	(void)state;
	static const char *const words[] = {"png", "jpg", "pam", "raw"};
	struct picture picture;
	fill(&picture, FORMAT_RGB8);
	for (size_t i = 0; i < 4; i++) {
		FILE *file = fopen("/dev/full", "wb");
		assert_non_null(file);
		setvbuf(file, NULL, _IONBF, 0);
		struct output_notes notes = {0};
		int result = output_from_string(words[i])->write(file, &picture.raster, 90, &notes);
		assert_int_equal(result, -ENOSPC);
		fclose(file);
	}
}

static void test_kinds(void **state)
{
	(void)state;
	assert_ptr_equal(output_by_path("a/b.PNG"), output_from_string("png"));
	assert_ptr_equal(output_by_path("b.jpeg"), output_from_string("jpg"));
	assert_null(output_by_path("a.png/b"));
	assert_null(output_by_path("png"));
	assert_null(output_by_path("a.gif"));
	assert_null(output_from_string(""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_png),
		cmocka_unit_test(test_png_profile),
		cmocka_unit_test(test_png_bad_profile),
		cmocka_unit_test(test_jpeg),
		cmocka_unit_test(test_jpeg_too_large),
		cmocka_unit_test(test_pam),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
