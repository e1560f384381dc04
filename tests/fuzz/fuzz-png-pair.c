/*
 * Fuzzes the two decoders of PNG against each other: same verdict, message and pixels. An input is
 * a file, or the parts of one with correct checksums: kind, width, height, size of the IDAT chunks,
 * head of the stream, and its deflate data. The second way finds valid files without luck.
 */
#include "config.h"

#include <zlib.h>

#include "tests/fuzz/checksum.h"
#include "tests/fuzz/target.h"
#include "tests/unit/png-pair.h"

enum { FILE_MAX = 1 << 16, ROWS_MAX = 1 << 15 };

static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

struct file {
	uint8_t bytes[FILE_MAX];
	size_t size;
};

static void add(struct file *file, const void *bytes, size_t size)
{
	must(size <= sizeof(file->bytes) - file->size);
	if (size > 0)
		memcpy(file->bytes + file->size, bytes, size);
	file->size += size;
}

static void add_number(struct file *file, uint32_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		add(file, (uint8_t[]){(uint8_t)(number >> shift)}, 1);
}

static void add_chunk(struct file *file, const char *name, const void *bytes, size_t size)
{
	add_number(file, (uint32_t)size);
	add(file, name, 4);
	add(file, bytes, size);
	add_number(file, checksum_of(file->bytes + file->size - size - 4, size + 4));
}

/* Adler-32 of what zlib makes of the data; of no use when it refuses them. */
static uint32_t sum_of(const struct fuzz_input *input)
{
	static uint8_t rows[ROWS_MAX];
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)input->data,
		.avail_in = (uInt)input->size,
		.next_out = rows,
		.avail_out = sizeof(rows)};
	must(inflateInit2(&stream, -15) == Z_OK);
	inflate(&stream, Z_FINISH);
	uint32_t sum = (uint32_t)adler32(1, rows, (uInt)stream.total_out);
	inflateEnd(&stream);
	return sum;
}

static void add_pixels(struct file *file, struct fuzz_input *input, size_t each)
{
	static struct file stream;
	uint32_t sum = sum_of(input);
	stream.size = 0;
	add(&stream, (uint8_t[]){0x78, 0x9c}, 2);
	add(&stream, input->data, input->size);
	add_number(&stream, sum);
	for (size_t at = 0; at < stream.size; at += each) {
		size_t left = stream.size - at;
		add_chunk(file, "IDAT", stream.bytes + at, left < each ? left : each);
	}
}

static void make(struct file *file, struct fuzz_input *input)
{
	static const uint8_t types[] = {0, 2, 3, 4, 6};
	uint8_t head[13] = {[8] = 8}, palette[768];
	head[9] = types[take_byte(input) % sizeof(types)];
	head[3] = take_byte(input);
	head[7] = take_byte(input);
	size_t each = 16 + 16 * (size_t)take_byte(input);
	for (size_t i = 0; i < sizeof(palette); i++)
		palette[i] = (uint8_t)(i * 37);
	file->size = 0;
	add(file, signature, sizeof(signature));
	add_chunk(file, "IHDR", head, sizeof(head));
	if (head[9] == 3)
		add_chunk(file, "PLTE", palette, head[3] ? head[3] * (size_t)3 : 3);
	add_pixels(file, input, each);
	add_chunk(file, "IEND", NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct file file;
	struct fuzz_input input = {data, size};
	if (size > FILE_MAX / 8)
		return -1;
	if (size >= sizeof(signature) && memcmp(data, signature, sizeof(signature)) == 0) {
		file.size = 0;
		add(&file, data, size);
	} else {
		make(&file, &input);
	}
	struct png_pair pair;
	enum format format = (enum format)(size % FORMAT_COUNT);
	const char *difference = png_pair_compare(file.bytes, file.size, format, &pair);
	if (difference)
		fprintf(stderr, "%s: %s\n", difference, pair.message);
	must(!difference);
	target_note(pair.fast ? "fast" : pair.message);
	return 0;
}
