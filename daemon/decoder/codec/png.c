/*
 * PNG by libpng (ISO/IEC 15948): all colour types and depths, interlaced or not.
 *
 * libpng reads the header and decides what is an error. The pixels of the most frequent kinds
 * are then decoded by png-fast.h, which is much faster. If that does not take the file, or gives
 * up within it, libpng decodes it from the first row; rows that were drawn already are not drawn
 * again. So the verdict on a broken file, and its error text, are always libpng's.
 *
 * Gamma is never applied. Text and other chunks that change no pixel are skipped unread. The eXIf
 * chunk may come after the pixels and is read by png-exif.h.
 *
 * libpng's errors must not return: they longjmp() back to setjmp() in open and decode. All state
 * is on the heap, since local variables are undefined after that.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "daemon/decoder/codec/codec.h"
#include "daemon/decoder/codec/png-exif.h"
#include "daemon/decoder/codec/png-fast.h"

enum { SIGNATURE = 8, CHUNKS_MAX = 1000 };

struct png {
	png_structp codec;
	png_infop info;
	struct picture *picture;
	enum fault fault; /* the code of the next error: not-an-image, unless memory is missing */
	uint8_t *buffer;  /* a row for target_put() */
	uint32_t drawn;	  /* rows that png-fast.h has drawn already */
};

static bool png_codec_probe(const uint8_t *bytes, size_t size)
{
	return size >= SIGNATURE && png_sig_cmp(bytes, 0, SIGNATURE) == 0;
}

/* ---- What libpng calls ---- */

static void png_codec_fail(png_structp codec, const char *message)
{
	struct png *png = png_get_error_ptr(codec);
	picture_fail(png->picture, png->fault, "PNG: %s", message);
	png_longjmp(codec, 1);
}

/* libpng warns only of faults that lose no pixel: they are ignored. */
static void png_codec_warn(png_structp codec, const char *message)
{
	(void)codec;
	(void)message;
}

/* An error for want of memory says nothing about the file. */
static png_voidp png_codec_allocate(png_structp codec, png_alloc_size_t size)
{
	struct png *png = png_get_mem_ptr(codec);
	void *memory = malloc(size);
	if (!memory)
		png->fault = FAULT_DECODER_FAILED;
	return memory;
}

static void png_codec_release(png_structp codec, png_voidp memory)
{
	(void)codec;
	free(memory);
}

static void png_codec_read_bytes(png_structp codec, png_bytep to, size_t count)
{
	struct png *png = png_get_io_ptr(codec);
	if (input_read(&png->picture->input, to, count) < 0)
		png_error(codec, "the file is cut short");
}

/* ---- Header ---- */

/* Skips chunks that change no pixel and are not kept: text above all, which may be compressed. */
static void png_codec_ignore_chunks(png_structp codec)
{
	static const png_byte names[] = "tEXt\0zTXt\0iTXt\0hIST\0tIME\0sPLT\0pCAL\0sCAL\0oFFs\0"
					"pHYs\0eXIf\0bKGD\0gAMA\0cHRM\0sBIT";
	png_set_keep_unknown_chunks(codec, PNG_HANDLE_CHUNK_NEVER, names, sizeof(names) / 5);
}

static void png_codec_set_limits(png_structp codec)
{
	png_set_user_limits(codec, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
	png_set_chunk_malloc_max(codec, JOB_BLOCK_BYTES_MAX);
	png_set_chunk_cache_max(codec, CHUNKS_MAX);
}

static enum format png_codec_native_of(const struct png *png)
{
	bool wide = png_get_bit_depth(png->codec, png->info) == 16;
	png_byte type = png_get_color_type(png->codec, png->info);
	bool alpha =
		type & PNG_COLOR_MASK_ALPHA || png_get_valid(png->codec, png->info, PNG_INFO_tRNS);
	bool colour = type & PNG_COLOR_MASK_COLOR;
	if (wide)
		return alpha || colour ? FORMAT_RGBA16 : FORMAT_GRAY16;
	if (alpha)
		return FORMAT_RGBA8;
	return colour ? FORMAT_RGB8 : FORMAT_GRAY8;
}

static int png_codec_keep_colour(struct png *png)
{
	char *name;
	png_bytep profile;
	png_uint_32 size;
	int method, intent;
	if (png_get_iCCP(png->codec, png->info, &name, &method, &profile, &size)) {
		png->picture->colour = COLOUR_ICC;
		return picture_add_block(png->picture, BLOCK_ICC, profile, size);
	}
	if (png_get_sRGB(png->codec, png->info, &intent))
		png->picture->colour = COLOUR_SRGB;
	return 0;
}

static int png_codec_read_header(struct png *png)
{
	struct picture *picture = png->picture;
	if (setjmp(png_jmpbuf(png->codec)))
		return -EBADMSG;
	png_codec_set_limits(png->codec);
	png_codec_ignore_chunks(png->codec);
	png_set_read_fn(png->codec, png, png_codec_read_bytes);
	png_read_info(png->codec, png->info);
	picture->width = png_get_image_width(png->codec, png->info);
	picture->height = png_get_image_height(png->codec, png->info);
	picture->in_order = png_get_interlace_type(png->codec, png->info) == PNG_INTERLACE_NONE;
	picture->native = png_codec_native_of(png);
	int result = png_codec_keep_colour(png);
	return result ? result : png_exif_read(picture);
}

static int png_codec_open(struct picture *picture)
{
	struct png *png = calloc(1, sizeof(*png));
	if (!png)
		return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	picture->state = png;
	png->picture = picture;
	png->fault = FAULT_NOT_AN_IMAGE;
	png->codec = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, png, png_codec_fail,
		png_codec_warn, png, png_codec_allocate, png_codec_release);
	if (png->codec)
		png->info = png_create_info_struct(png->codec);
	if (!png->info)
		return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	return png_codec_read_header(png);
}

/* ---- Pixels ---- */

/* Asks for samples of 8 or 16 bits in host order, and alpha in place of transparent colours. */
static enum row png_codec_choose_output(struct png *png)
{
	static const enum row narrow[] = {ROW_GRAY8, ROW_GRAYALPHA8, ROW_RGB8, ROW_RGBA8};
	static const enum row wide[] = {ROW_GRAY16, ROW_GRAYALPHA16, ROW_RGB16, ROW_RGBA16};
	png_set_expand(png->codec);
	const uint16_t one = 1;
	if (*(const uint8_t *)&one)
		png_set_swap(png->codec);
	png_read_update_info(png->codec, png->info);
	unsigned channels = png_get_channels(png->codec, png->info);
	bool is_wide = png_get_bit_depth(png->codec, png->info) == 16;
	return is_wide ? wide[(channels - 1) & 3] : narrow[(channels - 1) & 3];
}

/* The pixels of a pass: from (x, y) on, every dx-th pixel of every dy-th row. */
struct pass {
	uint32_t x, y, dx, dy;
};

static void png_codec_read_pass(
	struct png *png, struct target *target, enum row row, struct pass pass)
{
	struct strip strip = {
		.pixels = png->buffer, .row = row, .rows = 1, .x = pass.x, .step = pass.dx};
	if (pass.x >= target->width)
		return;
	strip.count = (target->width - pass.x + pass.dx - 1) / pass.dx;
	bool direct = pass.dx == 1 && target_is_direct(target, row);
	for (strip.y = pass.y; strip.y < target->height; strip.y += pass.dy) {
		uint8_t *to = png->buffer;
		bool drawn = strip.y < png->drawn;
		if (direct && !drawn)
			target_rows(target, strip.y, 1, &to);
		png_read_row(png->codec, to, NULL);
		if (!direct && !drawn)
			target_put(target, &strip);
	}
}

static void png_codec_read_pixels(struct png *png, struct target *target, enum row row)
{
	static const struct pass whole = {0, 0, 1, 1};
	static const struct pass adam7[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
		{0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
	if (png_get_interlace_type(png->codec, png->info) == PNG_INTERLACE_NONE) {
		png_codec_read_pass(png, target, row, whole);
		return;
	}
	for (size_t i = 0; i < sizeof(adam7) / sizeof(adam7[0]); i++)
		png_codec_read_pass(png, target, row, adam7[i]);
}

static int png_codec_decode(struct picture *picture, struct target *target)
{
	struct png *png = picture->state;
#ifdef HAVE_ISAL
	if (png_fast_decode(png->codec, png->info, picture, target, &png->drawn))
		return 0;
#endif
	if (setjmp(png_jmpbuf(png->codec)))
		return -EBADMSG;
	enum row row = png_codec_choose_output(png);
	png->buffer = png_codec_allocate(png->codec, png_get_rowbytes(png->codec, png->info));
	if (!png->buffer)
		png_error(png->codec, PICTURE_NO_MEMORY);
	png_codec_read_pixels(png, target, row);
	png_read_end(png->codec, NULL);
	return 0;
}

static void png_codec_close(struct picture *picture)
{
	struct png *png = picture->state;
	if (!png)
		return;
	png_destroy_read_struct(&png->codec, &png->info, NULL);
	free(png->buffer);
	free(png);
	picture->state = NULL;
}

const struct codec codec_png = {
	.type = "PNG",
	.probe = png_codec_probe,
	.open = png_codec_open,
	.decode = png_codec_decode,
	.close = png_codec_close,
};
