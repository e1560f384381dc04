/*
 * JPEG by libjpeg-turbo (ITU-T T.81; EXIF, CIPA DC-008; ICC.1 annex B.4).
 *
 * Pixels are the ones that djpeg of the same library makes. libjpeg converts colours itself, so
 * it is asked for the format of the target where it has it. Then it writes rows right into the
 * target; else into a strip that the target converts.
 *
 * If the picture is to become much smaller, libjpeg transforms each block of 8x8 coefficients
 * into 4x4, 2x2 or 1 pixels. This takes less time than all pixels, and is exact enough as long
 * as the filter of scale.h does the last factor of LEFT_TO_FILTER.
 *
 * libjpeg draws something in place of data that is lost, and only warns. An error is better than
 * half a picture that is taken for a whole one, so such a warning is an error here.
 *
 * libjpeg's errors must not return: they longjmp() back to setjmp() in open and decode. All state
 * is on the heap, since local variables are undefined after that.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "daemon/decoder/codec/codec.h"
#include "daemon/decoder/file/exif.h"

enum {
	HEADER_BYTES_MAX = 64 << 20, /* before the pixels; libjpeg may keep all of them */
	SCANS_MAX = 500,	     /* each takes a pass over all pixels */
	MEMORY_MAX = INT32_MAX,	     /* coefficients of a progressive picture */
	LEFT_TO_FILTER = 2,	     /* libjpeg delivers at least so many times the fitted size */
};

struct jpeg {
	struct jpeg_decompress_struct codec;
	struct jpeg_error_mgr errors;
	struct jpeg_source_mgr source;
	struct jpeg_progress_mgr progress;
	struct picture *picture;
	enum fault fault; /* the code of the next error: not-an-image, unless memory is missing */
	bool in_pixels;	  /* the header was read */
	jmp_buf jump;
	uint8_t *strip; /* rows for target_put(); NULL if libjpeg writes into the target */
	size_t pitch;
};

static bool jpeg_codec_probe(const uint8_t *bytes, size_t size)
{
	return size >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

/*
 * libjpeg-turbo chooses its instructions at the first conversion of colours. On some processors
 * it reads /proc/cpuinfo for that, which the sandbox forbids. So one conversion is begun before.
 */
static void jpeg_codec_detect_processor(void)
{
	struct jpeg_error_mgr errors;
	struct jpeg_compress_struct codec = {.err = jpeg_std_error(&errors)};
	unsigned char *data = NULL;
	unsigned long size = 0;
	jpeg_create_compress(&codec);
	jpeg_mem_dest(&codec, &data, &size);
	codec.image_width = codec.image_height = 1;
	codec.input_components = 3;
	codec.in_color_space = JCS_RGB;
	jpeg_set_defaults(&codec);
	jpeg_start_compress(&codec, TRUE);
	jpeg_destroy_compress(&codec);
	free(data);
}

/* ---- What libjpeg calls ---- */

static _Noreturn void jpeg_codec_fail(struct jpeg *jpeg, const char *message)
{
	picture_fail(jpeg->picture, jpeg->fault, "JPEG: %s", message);
	longjmp(jpeg->jump, 1);
}

static void jpeg_codec_error_exit(j_common_ptr codec)
{
	char message[JMSG_LENGTH_MAX];
	struct jpeg *jpeg = codec->client_data;
	codec->err->format_message(codec, message);
	if (codec->err->msg_code == JERR_OUT_OF_MEMORY)
		jpeg->fault = FAULT_DECODER_FAILED; /* this says nothing about the file */
	jpeg_codec_fail(jpeg, message);
}

/*
 * Warnings of superfluous data and of odd labels are ignored, for no pixel is lost. All other
 * warnings are errors.
 */
static void jpeg_codec_emit_message(j_common_ptr codec, int level)
{
	if (level >= 0)
		return;
	codec->err->num_warnings++;
	switch (codec->err->msg_code) {
	case JWRN_ADOBE_XFORM:
	case JWRN_BOGUS_ICC:
	case JWRN_BOGUS_PROGRESSION:
	case JWRN_EXTRANEOUS_DATA:
	case JWRN_JFIF_MAJOR:
	case JWRN_NOT_SEQUENTIAL:
		return;
	default:
		jpeg_codec_error_exit(codec);
	}
}

static void jpeg_codec_output_message(j_common_ptr codec)
{
	(void)codec;
}

static void jpeg_codec_begin_source(j_decompress_ptr codec)
{
	(void)codec;
}

static boolean jpeg_codec_fill_source(j_decompress_ptr codec)
{
	struct jpeg *jpeg = codec->client_data;
	struct input *input = &jpeg->picture->input;
	if (!jpeg->in_pixels && input_position(input) > HEADER_BYTES_MAX)
		jpeg_codec_fail(jpeg, "too much data before the pixels: remove metadata");
	ssize_t size = input_peek(input, &jpeg->source.next_input_byte);
	if (size <= 0)
		ERREXIT(codec, JWRN_JPEG_EOF);
	jpeg->source.bytes_in_buffer = (size_t)size;
	input_skip(input, (uint64_t)size);
	return TRUE;
}

static void jpeg_codec_skip_source(j_decompress_ptr codec, long count)
{
	struct jpeg *jpeg = codec->client_data;
	if (count <= 0)
		return;
	size_t left = jpeg->source.bytes_in_buffer;
	size_t here = (size_t)count < left ? (size_t)count : left;
	jpeg->source.next_input_byte += here;
	jpeg->source.bytes_in_buffer -= here;
	input_skip(&jpeg->picture->input, (size_t)count - here);
}

static void jpeg_codec_end_source(j_decompress_ptr codec)
{
	(void)codec;
}

static void jpeg_codec_count_scans(j_common_ptr codec)
{
	struct jpeg *jpeg = codec->client_data;
	if (jpeg->codec.input_scan_number > SCANS_MAX)
		jpeg_codec_fail(jpeg, "too many scans: save the picture again, with fewer");
}

/* ---- Header ---- */

static void jpeg_codec_prepare(struct jpeg *jpeg, struct picture *picture)
{
	jpeg->picture = picture;
	jpeg->fault = FAULT_NOT_AN_IMAGE;
	jpeg->codec.client_data = jpeg;
	jpeg->codec.err = jpeg_std_error(&jpeg->errors);
	jpeg->errors.error_exit = jpeg_codec_error_exit;
	jpeg->errors.emit_message = jpeg_codec_emit_message;
	jpeg->errors.output_message = jpeg_codec_output_message;
	jpeg->source.init_source = jpeg_codec_begin_source;
	jpeg->source.fill_input_buffer = jpeg_codec_fill_source;
	jpeg->source.skip_input_data = jpeg_codec_skip_source;
	jpeg->source.resync_to_restart = jpeg_resync_to_restart;
	jpeg->source.term_source = jpeg_codec_end_source;
	jpeg->progress.progress_monitor = jpeg_codec_count_scans;
}

static int jpeg_codec_keep_profile(struct jpeg *jpeg)
{
	JOCTET *profile;
	unsigned size;
	if (!jpeg_read_icc_profile(&jpeg->codec, &profile, &size))
		return 0;
	int result = picture_add_block(jpeg->picture, BLOCK_ICC, profile, size);
	free(profile);
	if (result == 0)
		jpeg->picture->colour = COLOUR_ICC;
	return result;
}

static int jpeg_codec_keep_exif(struct jpeg *jpeg)
{
	static const char start[] = "Exif\0"; /* and the second NUL that ends it */
	struct jpeg_marker_struct *marker = jpeg->codec.marker_list;
	while (marker && (marker->marker != JPEG_APP0 + 1 || marker->data_length <= sizeof(start) ||
				 memcmp(marker->data, start, sizeof(start)) != 0))
		marker = marker->next;
	if (!marker)
		return 0;
	const uint8_t *data = marker->data + sizeof(start);
	size_t size = marker->data_length - sizeof(start);
	struct exif exif = exif_read(data, size);
	jpeg->picture->orientation = exif.orientation;
	if (exif.srgb && jpeg->picture->colour == COLOUR_UNSPECIFIED)
		jpeg->picture->colour = COLOUR_SRGB;
	return picture_add_block(jpeg->picture, BLOCK_EXIF, data, size);
}

static int jpeg_codec_read_header(struct jpeg *jpeg)
{
	struct picture *picture = jpeg->picture;
	struct jpeg_decompress_struct *codec = &jpeg->codec;
	if (setjmp(jpeg->jump))
		return -EBADMSG;
	jpeg_create_decompress(codec);
	codec->src = &jpeg->source;
	codec->progress = &jpeg->progress;
	codec->mem->max_memory_to_use = MEMORY_MAX;
	jpeg_save_markers(codec, JPEG_APP0 + 1, 0xffff);
	jpeg_save_markers(codec, JPEG_APP0 + 2, 0xffff);
	jpeg_read_header(codec, TRUE);
	jpeg_save_markers(codec, JPEG_APP0 + 1, 0);
	jpeg_save_markers(codec, JPEG_APP0 + 2, 0);
	if (codec->jpeg_color_space == JCS_UNKNOWN)
		jpeg_codec_fail(jpeg, "unknown colour space: save the picture again, as RGB");
	picture->width = codec->image_width;
	picture->height = codec->image_height;
	picture->in_order = true;
	picture->native = codec->num_components == 1 ? FORMAT_GRAY8 : FORMAT_RGB8;
	int result = jpeg_codec_keep_profile(jpeg);
	return result ? result : jpeg_codec_keep_exif(jpeg);
}

static int jpeg_codec_open(struct picture *picture)
{
	struct jpeg *jpeg = calloc(1, sizeof(*jpeg));
	if (!jpeg)
		return picture_fail(picture, FAULT_DECODER_FAILED, PICTURE_NO_MEMORY);
	picture->state = jpeg;
	jpeg_codec_prepare(jpeg, picture);
	return jpeg_codec_read_header(jpeg);
}

/* ---- Pixels ---- */

/* Chooses the smallest transform that leaves enough pixels for the filter. */
static void jpeg_codec_reduce(struct picture *picture, uint32_t width, uint32_t height)
{
	static const unsigned fast[] = {1, 2, 4};
	struct jpeg *jpeg = picture->state;
	for (size_t i = 0; i < sizeof(fast) / sizeof(fast[0]); i++) {
		if (picture_part(picture->width, fast[i]) / LEFT_TO_FILTER < width ||
			picture_part(picture->height, fast[i]) / LEFT_TO_FILTER < height)
			continue;
		picture->eighths = fast[i];
		jpeg->codec.scale_num = fast[i];
		jpeg->codec.scale_denom = EIGHTHS;
		return;
	}
}

/* Asks libjpeg for the kind of rows that is nearest to the format. Returns the kind. */
static enum row jpeg_codec_choose_output(struct jpeg_decompress_struct *codec, enum format format)
{
	if (codec->jpeg_color_space == JCS_CMYK || codec->jpeg_color_space == JCS_YCCK) {
		codec->out_color_space = JCS_CMYK;
		return ROW_RGB8; /* as jpeg_codec_cmyk_to_rgb() leaves them */
	}
	bool grey = codec->num_components == 1;
	switch (format) {
	case FORMAT_RGBA8:
		codec->out_color_space = JCS_EXT_RGBA;
		return ROW_RGBA8;
	case FORMAT_BGRA8_PREMUL:
		codec->out_color_space = JCS_EXT_BGRA;
		return ROW_BGRA8_OPAQUE;
	case FORMAT_GRAY8:
	case FORMAT_GRAY16:
		codec->out_color_space = JCS_GRAYSCALE;
		return ROW_GRAY8;
	default:
		codec->out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
		return grey ? ROW_GRAY8 : ROW_RGB8;
	}
}

static uint8_t jpeg_codec_multiply(unsigned a, unsigned b)
{
	return (uint8_t)((a * b + 127) / 255);
}

/*
 * CMYK to RGB, in place, without the profile. This is a rough picture of the colours: only the
 * profile, which is kept as a block, defines them. Adobe's files store 255 for no ink, others 0.
 */
static void jpeg_codec_cmyk_to_rgb(uint8_t *row, size_t count, bool adobe)
{
	const uint8_t flip = adobe ? 0 : 255;
	const uint8_t *from = row;
	for (size_t i = 0; i < count; i++, from += 4, row += 3) {
		unsigned black = from[3] ^ flip;
		uint8_t red = jpeg_codec_multiply(from[0] ^ flip, black);
		uint8_t green = jpeg_codec_multiply(from[1] ^ flip, black);
		uint8_t blue = jpeg_codec_multiply(from[2] ^ flip, black);
		row[0] = red;
		row[1] = green;
		row[2] = blue;
	}
}

/* Reads the next strip, into the target itself or into jpeg->strip and from there. */
static void jpeg_codec_read_strip(struct jpeg *jpeg, struct target *target, enum row row)
{
	struct jpeg_decompress_struct *codec = &jpeg->codec;
	JSAMPROW rows[STRIP_ROWS];
	JDIMENSION y = codec->output_scanline;
	JDIMENSION left = codec->output_height - y;
	JDIMENSION count = left < STRIP_ROWS ? left : STRIP_ROWS;
	if (!jpeg->strip)
		target_rows(target, y, count, rows);
	for (JDIMENSION i = 0; jpeg->strip && i < count; i++)
		rows[i] = jpeg->strip + i * jpeg->pitch;
	while (codec->output_scanline < y + count) {
		JDIMENSION done = codec->output_scanline - y;
		jpeg_read_scanlines(codec, rows + done, count - done);
	}
	if (!jpeg->strip)
		return;
	for (JDIMENSION i = 0; codec->out_color_space == JCS_CMYK && i < count; i++)
		jpeg_codec_cmyk_to_rgb(rows[i], codec->output_width, codec->saw_Adobe_marker);
	const struct strip strip = {.pixels = jpeg->strip,
		.pitch = jpeg->pitch,
		.row = row,
		.rows = count,
		.count = codec->output_width,
		.y = y,
		.step = 1};
	target_put(target, &strip);
}

static int jpeg_codec_decode(struct picture *picture, struct target *target)
{
	struct jpeg *jpeg = picture->state;
	struct jpeg_decompress_struct *codec = &jpeg->codec;
	jpeg->in_pixels = true;
	if (setjmp(jpeg->jump))
		return -EBADMSG;
	enum row row = jpeg_codec_choose_output(codec, target_format(target));
	jpeg_start_decompress(codec);
	bool direct = codec->out_color_space != JCS_CMYK && target_is_direct(target, row);
	if (!direct) {
		jpeg->pitch = (size_t)codec->output_width * (size_t)codec->output_components;
		jpeg->strip = reallocarray(NULL, STRIP_ROWS, jpeg->pitch);
		if (!jpeg->strip) {
			jpeg->fault = FAULT_DECODER_FAILED;
			jpeg_codec_fail(jpeg, PICTURE_NO_MEMORY);
		}
	}
	while (codec->output_scanline < codec->output_height)
		jpeg_codec_read_strip(jpeg, target, row);
	jpeg_finish_decompress(codec);
	return 0;
}

static void jpeg_codec_close(struct picture *picture)
{
	struct jpeg *jpeg = picture->state;
	if (!jpeg)
		return;
	jpeg_destroy_decompress(&jpeg->codec);
	free(jpeg->strip);
	free(jpeg);
	picture->state = NULL;
}

const struct codec codec_jpeg = {
	.type = "JPEG",
	.prepare = jpeg_codec_detect_processor,
	.probe = jpeg_codec_probe,
	.open = jpeg_codec_open,
	.reduce = jpeg_codec_reduce,
	.decode = jpeg_codec_decode,
	.close = jpeg_codec_close,
};
