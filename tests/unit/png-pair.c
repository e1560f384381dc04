/*
 * Decodes a PNG file both ways.
 */
#include "config.h"

#include "tests/unit/png-pair.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/decoder/codec/codec.h"
#include "daemon/decoder/codec/png-fast.h"

enum { PAGE = 4096, PIXELS_MAX = 1 << 20 };

/* The result of one decoder. */
struct decoded {
	uint8_t *pixels; /* NULL if it was refused, or not decoded */
	size_t size;
	struct job_error error;
};

unsigned png_pair_failing;

static bool may_be_fast;
static bool was_fast;
static unsigned countdown; /* of allocations */

/* ---- Wrapped functions ---- */

bool __real_png_fast_decode(png_structp codec, png_infop info, struct picture *picture,
	struct target *target, uint32_t *drawn);
bool __wrap_png_fast_decode(png_structp codec, png_infop info, struct picture *picture,
	struct target *target, uint32_t *drawn);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);

bool __wrap_png_fast_decode(png_structp codec, png_infop info, struct picture *picture,
	struct target *target, uint32_t *drawn)
{
	*drawn = 0;
	if (!may_be_fast)
		return false;
	countdown = png_pair_failing;
	was_fast = __real_png_fast_decode(codec, info, picture, target, drawn);
	countdown = 0;
	return was_fast;
}

static bool fails(void)
{
	return countdown > 0 && --countdown == 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(memory, count, size);
}

/* ---- Decoding ---- */

static int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("png", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		err(EXIT_FAILURE, "a file in memory");
	return fd;
}

static void keep(struct decoded *decoded, int segment, size_t size)
{
	decoded->size = size;
	decoded->pixels = malloc(size);
	if (!decoded->pixels || pread(segment, decoded->pixels, size, 0) != (ssize_t)size)
		err(EXIT_FAILURE, "a segment");
}

static void fill(struct picture *picture, enum format format, struct decoded *decoded)
{
	bool turned = picture->orientation >= 5;
	uint64_t width = turned ? picture->height : picture->width;
	uint64_t height = turned ? picture->width : picture->height;
	uint64_t stride = (width * format_pixel_bytes(format) + 63) / 64 * 64;
	struct job_segment layout = {.kind = JOB_SEGMENT, .pixel_offset = PAGE, .stride = stride};
	layout.size = PAGE + stride * height;
	for (uint32_t i = 0; i < picture->block_count; i++) {
		layout.block_offsets[i] = layout.size;
		layout.size += picture->blocks[i].size;
	}
	int segment = memory_file("", 0);
	struct target target;
	if (ftruncate(segment, (off_t)layout.size) < 0 ||
		target_open(&target, picture, format, &layout, segment) < 0)
		err(EXIT_FAILURE, "a target");
	if (codec_decode(picture, &target) == 0 && target_finish(&target, picture) == 0)
		keep(decoded, segment, layout.size);
	target_close(&target);
	close(segment);
}

static void decode(int file, enum format format, struct decoded *decoded)
{
	static struct picture picture;
	*decoded = (struct decoded){0};
	if (codec_open(&picture, file, JOB_SOURCE_FILE) == 0 &&
		(uint64_t)picture.width * picture.height <= PIXELS_MAX)
		fill(&picture, format == FORMAT_NATIVE ? picture.native : format, decoded);
	decoded->error = picture.error;
	codec_close(&picture);
}

/* As zlib has it. */
static bool is_incomplete(const char *message)
{
	return strstr(message, "invalid code lengths set") ||
	       strstr(message, "invalid literal/lengths set") ||
	       strstr(message, "invalid distances set");
}

static const char *compare(const struct decoded *fast, const struct decoded *plain)
{
	if (fast->pixels && !plain->pixels && is_incomplete(plain->error.message))
		return NULL;
	if (memcmp(&fast->error, &plain->error, sizeof(fast->error)) != 0)
		return "the error";
	if (fast->size != plain->size)
		return "the verdict";
	if (fast->size > 0 && memcmp(fast->pixels, plain->pixels, fast->size) != 0)
		return "a pixel";
	return NULL;
}

const char *png_pair_compare(
	const void *data, size_t size, enum format format, struct png_pair *pair)
{
	struct decoded fast, plain;
	int file = memory_file(data, size);
	was_fast = false;
	may_be_fast = true;
	decode(file, format, &fast);
	*pair = (struct png_pair){.fast = was_fast};
	may_be_fast = false;
	decode(file, format, &plain);
	close(file);
	pair->accepted = plain.pixels;
	snprintf(pair->message, sizeof(pair->message), "%s", plain.error.message);
	const char *difference = compare(&fast, &plain);
	free(fast.pixels);
	free(plain.pixels);
	return difference;
}
