/*
 * A mapped image. Its segment is checked before it is mapped, by reading: its owner and mode
 * first, so that only the daemon can have written it or can truncate it, then its header and
 * its name against the daemon's reply.
 */
#include "client/lib/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/protocol/name.h"

/*
 * If systemd listens on the socket, the peer is systemd, which is root. Then the uid in the HELLO
 * reply counts, because root can be trusted with it. Any other peer is the daemon itself.
 */
bool image_is_maker(const struct makers *makers, uid_t uid)
{
	return uid == makers->peer || (makers->peer == 0 && uid == makers->reported);
}

static const char *image_check_file(
	const struct stat *file, const struct image_reply *reply, const struct makers *makers)
{
	if (!S_ISREG(file->st_mode))
		return "the segment is not shared memory";
	if (file->st_size < 0 || (uint64_t)file->st_size != reply->size)
		return "the segment's size differs from the daemon's reply";
	if (!image_is_maker(makers, file->st_uid))
		return "the segment does not belong to the daemon";
	if (file->st_mode & (S_IWGRP | S_IWOTH))
		return "users other than the daemon can write to the segment";
	return NULL;
}

/* Reads without mapping: a file that is too short then causes no SIGBUS. */
static bool image_read_exactly(int fd, void *data, size_t size, uint64_t offset)
{
	ssize_t count;
	do
		count = pread(fd, data, size, (off_t)offset);
	while (count < 0 && errno == EINTR);
	return count >= 0 && (size_t)count == size;
}

struct box image_full(const struct header *header)
{
	return header->full_width > 0 ? (struct box){header->full_width, header->full_height}
				      : (struct box){header->width, header->height};
}

struct pinned image_pinned(const struct shmimg_image *image)
{
	const struct header *header = &image->header;
	return (struct pinned){header->generation, header->format, {header->width, header->height}};
}

static const char *image_check_header(const struct header *header, const struct image_reply *reply)
{
	const struct {
		uint64_t found;
		uint64_t reported;
		const char *fault;
	} pairs[] = {
		{header->pixel_offset, reply->offset,
			"the segment's offset differs from the daemon's reply"},
		{header->width, reply->width,
			"the segment's width differs from the daemon's reply"},
		{header->height, reply->height,
			"the segment's height differs from the daemon's reply"},
		{header->stride, reply->stride,
			"the segment's stride differs from the daemon's reply"},
		{header->format, reply->format,
			"the segment's format differs from the daemon's reply"},
		{header->generation, reply->generation,
			"the segment's generation differs from the daemon's reply"},
		{header->slot, reply->slot, "the segment's slot differs from the daemon's reply"},
		{(uint64_t)header->semaphore_id, reply->semaphore_id,
			"the segment's semaphore differs from the daemon's reply"},
		{header->semaphore_index, reply->semaphore_index,
			"the segment's semaphore differs from the daemon's reply"},
		{header->orientation, reply->orientation,
			"the segment's orientation differs from the daemon's reply"},
		{image_full(header).width, reply->full_width,
			"the whole picture's width differs from the daemon's reply"},
		{image_full(header).height, reply->full_height,
			"the whole picture's height differs from the daemon's reply"},
		{header->owner, reply->owner < 0 ? header->owner : (uint64_t)reply->owner,
			"the segment's owner differs from the daemon's reply"},
	};
	const char *fault = header_check(header, reply->size);
	for (size_t i = 0; !fault && i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (pairs[i].found != pairs[i].reported)
			fault = pairs[i].fault;
	}
	if (!fault && header->pixel_offset % (uint64_t)sysconf(_SC_PAGESIZE) != 0)
		fault = "the segment's pixels do not begin at a page boundary";
	return fault;
}

/* The name in the segment must be the requested one. It may be outside page 0. */
static const char *image_check_name(int fd, const struct header *header, const char *name)
{
	char found[NAME_LENGTH_MAX];
	size_t length = header->name_length;
	if (length != strlen(name) || length > sizeof(found) ||
		!image_read_exactly(fd, found, length, header->name_offset) ||
		memcmp(found, name, length) != 0)
		return "the segment is of an image with another name";
	return NULL;
}

static const char *image_check(int fd, const char *name, const struct image_reply *reply,
	const struct makers *makers, struct shmimg_image *image)
{
	struct stat file;
	if (fstat(fd, &file) < 0)
		return "cannot read the status of the segment";
	const char *fault = image_check_file(&file, reply, makers);
	if (fault)
		return fault;
	if (!image_read_exactly(fd, &image->header, sizeof(image->header), 0))
		return "cannot read the segment";
	fault = image_check_header(&image->header, reply);
	if (fault)
		return fault;
	image->maker = file.st_uid;
	return image_check_name(fd, &image->header, name);
}

static int image_map_segment(int fd, struct shmimg_image *image)
{
	if (image->header.segment_size > SIZE_MAX)
		return -EOVERFLOW;
	image->size = (size_t)image->header.segment_size;
	void *data = mmap(NULL, image->size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	image->data = data;
	return 0;
}

static void image_unref(struct shmimg_image **image)
{
	shmimg_unref(*image);
}

int image_map(int fd, const char *name, const struct image_reply *reply,
	const struct makers *makers, struct shmimg_image **result, const char **fault)
{
	*fault = "out of memory";
	__attribute__((cleanup(image_unref))) struct shmimg_image *image =
		calloc(1, sizeof(*image));
	if (!image)
		return -ENOMEM;
	image->refs = 1;
	image->name = strdup(name);
	if (!image->name)
		return -ENOMEM;
	*fault = image_check(fd, name, reply, makers, image);
	if (*fault)
		return -EBADMSG;
	*fault = "cannot map the segment";
	int r = image_map_segment(fd, image);
	if (r < 0)
		return r;
	memcpy(image->segment, reply->segment, sizeof(image->segment));
	image->cached = reply->cached;
	*fault = NULL;
	*result = image;
	image = NULL;
	return 0;
}

bool image_is_shared(const struct shmimg_image *image)
{
	return __atomic_load_n(&image->refs, __ATOMIC_ACQUIRE) > 1;
}

void image_ref(struct shmimg_image *image)
{
	__atomic_add_fetch(&image->refs, 1, __ATOMIC_RELAXED);
}

void shmimg_unref(shmimg_image *image)
{
	if (!image || __atomic_sub_fetch(&image->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (image->data) {
		/* munmap(2) takes a pointer without const. */
		union {
			const unsigned char *read;
			void *any;
		} data = {.read = image->data};
		munmap(data.any, image->size);
	}
	free(image->name);
	free(image);
}

const void *shmimg_pixels(const shmimg_image *image)
{
	return image->data + image->header.pixel_offset;
}

uint32_t shmimg_width(const shmimg_image *image)
{
	return image->header.width;
}

uint32_t shmimg_height(const shmimg_image *image)
{
	return image->header.height;
}

uint32_t shmimg_full_width(const shmimg_image *image)
{
	return image_full(&image->header).width;
}

uint32_t shmimg_full_height(const shmimg_image *image)
{
	return image_full(&image->header).height;
}

size_t shmimg_stride(const shmimg_image *image)
{
	return (size_t)image->header.stride;
}

enum shmimg_format shmimg_image_format(const shmimg_image *image)
{
	return (enum shmimg_format)image->header.format;
}

uint32_t shmimg_fourcc(const shmimg_image *image)
{
	return image->header.fourcc;
}

unsigned shmimg_orientation(const shmimg_image *image)
{
	return image->header.orientation;
}

uint64_t shmimg_generation(const shmimg_image *image)
{
	return image->header.generation;
}

const char *shmimg_name(const shmimg_image *image)
{
	return image->name;
}

uid_t shmimg_owner(const shmimg_image *image)
{
	return image->header.owner;
}

int shmimg_cached(const shmimg_image *image)
{
	return image->cached;
}

const char *shmimg_segment(const shmimg_image *image)
{
	return image->segment;
}

size_t shmimg_segment_size(const shmimg_image *image)
{
	return image->size;
}

const void *shmimg_metadata(const shmimg_image *image, enum shmimg_metadata kind, size_t *size)
{
	uint32_t type = kind == SHMIMG_ICC ? BLOCK_ICC : kind == SHMIMG_EXIF ? BLOCK_EXIF : 0;
	const struct header *header = &image->header;
	for (uint32_t i = 0; type && i < header->block_count; i++) {
		if (header->blocks[i].type != type)
			continue;
		*size = (size_t)header->blocks[i].size;
		return image->data + header->blocks[i].offset;
	}
	*size = 0;
	return NULL;
}
