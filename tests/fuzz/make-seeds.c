/*
 * Writes the first inputs of the fuzz targets that are not texts to a folder: JPEG and PNG of every
 * kind, and segments of every format. Usage: make-seeds FOLDER
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <png.h>

#include "tests/unit/exif-writer.h"
#include "tests/unit/jpeg-writer.h"
#include "tests/unit/png-writer.h"

static const char *folder;

static void make_folder(const char *target)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, target);
	if (mkdir(path, 0777) < 0)
		err(EXIT_FAILURE, "%s", path);
}

static void write_seed(const char *target, const void *data, size_t size)
{
	static unsigned number;
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s/seed-%03u", folder, target, number++);
	FILE *file = fopen(path, "wb");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
		err(EXIT_FAILURE, "%s", path);
}

/* As many formats as the target makes of sizes: bytes behind the end change nothing. */
static void write_file(const char *target, struct bytes *file)
{
	file->data = realloc(file->data, file->size + 1);
	if (!file->data)
		err(EXIT_FAILURE, "no memory");
	write_seed(target, file->data, file->size);
	file->data[file->size] = 0;
	write_seed(target, file->data, file->size + 1);
	free(file->data);
}

/* The least that libpng takes for a profile: a header and one tag. */
static struct bytes make_profile(void)
{
	static const uint8_t white[] = {0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d};
	static const uint8_t tag[] = {0, 0, 0, 1, 'd', 'e', 's', 'c', 0, 0, 0, 144, 0, 0, 0, 16};
	struct bytes icc = {calloc(1, 160), 160};
	if (!icc.data)
		err(EXIT_FAILURE, "no memory");
	icc.data[3] = (uint8_t)icc.size;
	icc.data[8] = 2;
	memcpy(icc.data + 12, "mntrRGB XYZ ", 12);
	memcpy(icc.data + 36, "acsp", 4);
	memcpy(icc.data + 68, white, sizeof(white));
	memcpy(icc.data + 128, tag, sizeof(tag));
	return icc;
}

static void write_jpegs(const struct bytes *icc)
{
	make_folder("jpeg");
	for (const struct jpeg_kind *kind = jpeg_kinds; kind->name; kind++) {
		struct bytes plain = jpeg_write(kind, 17, 9, NULL);
		write_file("jpeg", &plain);
	}
	for (unsigned orientation = 1; orientation <= 8; orientation++) {
		struct bytes exif = exif_write(orientation, orientation & 1, orientation & 2);
		struct bytes comment = {(uint8_t *)(uintptr_t) "a comment", 9};
		const struct jpeg_extras extras = {orientation % 3 ? icc : NULL, &exif, &comment};
		struct bytes file = jpeg_write(&jpeg_kinds[orientation], 5, 19, &extras);
		write_file("jpeg", &file);
		free(exif.data);
	}
}

static void write_png(const struct png_kind *kind, const struct png_extras *extras)
{
	struct expectation expected;
	struct bytes file = png_write(kind, 11, 5, extras, &expected);
	expectation_end(&expected);
	write_file("png", &file);
}

static void write_depths(int type)
{
	for (int depth = 1; depth <= 16; depth *= 2) {
		bool fits = type == PNG_COLOR_TYPE_GRAY || depth == 8 ||
			    (type == PNG_COLOR_TYPE_PALETTE ? depth < 8 : depth == 16);
		bool may = !(type & PNG_COLOR_MASK_ALPHA);
		for (int i = 0; fits && i < (may ? 4 : 2); i++) {
			const struct png_kind kind = {type, depth, i & 1, i & 2};
			write_png(&kind, NULL);
		}
	}
}

static void write_pngs(const struct bytes *icc)
{
	static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_PALETTE,
		PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
	static const struct png_kind plain = {PNG_COLOR_TYPE_RGB, 8, false, false};
	make_folder("png");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		write_depths(types[i]);
	for (unsigned orientation = 1; orientation <= 8; orientation++) {
		struct bytes exif = exif_write(orientation, orientation & 1, orientation & 2);
		const struct png_extras extras = {
			.icc = orientation % 3 ? icc : NULL,
			.exif = &exif,
			.exif_late = orientation & 4,
			.srgb = orientation % 3 == 0,
		};
		write_png(&plain, &extras);
		free(exif.data);
	}
}

/* Small segments with two blocks; the pixels are numbers one after the other. */
static void write_segments(void)
{
	make_folder("segment");
	for (uint32_t format = FORMAT_RGBA8; format < FORMAT_COUNT; format++) {
		struct header header = {.width = 13,
			.height = 5,
			.full_width = format % 2 ? 13 : 26,
			.full_height = format % 2 ? 5 : 10,
			.format = format,
			.native = FORMAT_COUNT - format,
			.orientation = format,
			.type = "PNG",
			.name_length = 1,
			.block_count = 2};
		header.blocks[0] = (struct header_block){.type = BLOCK_ICC, .size = 9};
		header.blocks[1] = (struct header_block){.type = BLOCK_EXIF, .size = format};
		header_plan(&header, HEADER_SIZE);
		header.segment_size += format; /* the target makes a format of it */
		header_seal(&header);
		struct bytes segment = {calloc(1, header.segment_size), header.segment_size};
		if (!segment.data)
			err(EXIT_FAILURE, "no memory");
		memcpy(segment.data, &header, sizeof(header));
		for (size_t i = 0; i < header.pixel_size; i++)
			segment.data[header.pixel_offset + i] = (uint8_t)i;
		segment.data[segment.size - 2] = 5; /* and a box of its last bytes */
		segment.data[segment.size - 1] = (uint8_t)(5 + format);
		write_seed("segment", segment.data, segment.size);
		free(segment.data);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(2, "usage: make-seeds FOLDER");
	folder = argv[1];
	struct bytes icc = make_profile();
	write_jpegs(&icc);
	write_pngs(&icc);
	free(icc.data);
	write_segments();
	return EXIT_SUCCESS;
}
