/*
 * A segment and its semaphore for tests.
 */
#include "tests/unit/fake-segment.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <unistd.h>

enum { SEMAPHORE_INDEX = 2 };

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

static int make_set(void)
{
	unsigned short values[4] = {0, 0, 1, 0};
	union semun argument = {.array = values};
	int set = semget(IPC_PRIVATE, 4, IPC_CREAT | 0600);
	assert_return_code(set, errno);
	assert_return_code(semctl(set, 0, SETALL, argument), errno);
	return set;
}

static void fill(const struct segment *segment, int fd)
{
	const struct header *header = &segment->header;
	unsigned char row[80];
	for (uint32_t y = 0; y < header->height; y++) {
		memset(row, (int)y + 1, sizeof(row));
		off_t offset = (off_t)(header->pixel_offset + y * header->stride);
		assert_int_equal(pwrite(fd, row, sizeof(row), offset), sizeof(row));
	}
	assert_int_equal(pwrite(fd, "profile", 7, (off_t)header->blocks[0].offset), 7);
	assert_int_equal(
		pwrite(fd, segment->label, header->name_length, (off_t)header->name_offset),
		header->name_length);
}

void segment_write(const struct segment *segment)
{
	struct header header = segment->header;
	header_seal(&header);
	int fd = shm_open(segment->name, O_RDWR, 0);
	assert_return_code(fd, errno);
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	close(fd);
}

void segment_make(struct segment *segment, const char *label)
{
	static unsigned number;
	struct header *header = &segment->header;
	*segment = (struct segment){.set = make_set()};
	*header = (struct header){.width = 20,
		.height = 10,
		.format = FORMAT_RGBA8,
		.colour = COLOUR_ICC,
		.orientation = 1,
		.generation = UINT64_C(0x123456789abc),
		.owner = 4711,
		.slot = 12,
		.semaphore_id = segment->set,
		.semaphore_index = SEMAPHORE_INDEX,
		.name_length = (uint32_t)strlen(label),
		.block_count = 1,
		.blocks = {{.type = BLOCK_ICC, .size = 7}}};
	memcpy(segment->label, label, header->name_length);
	if (header->name_length <= sizeof(header->name))
		memcpy(header->name, label, header->name_length);
	assert_int_equal(header_plan(header, (uint64_t)sysconf(_SC_PAGESIZE)), 0);
	snprintf(segment->name, sizeof(segment->name), "/shmimg-unit-%d-%u", getpid(), number++);
	int fd = shm_open(segment->name, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_return_code(fd, errno);
	assert_return_code(ftruncate(fd, (off_t)header->segment_size), errno);
	fill(segment, fd);
	close(fd);
	segment_write(segment);
}

void segment_remove(struct segment *segment)
{
	shm_unlink(segment->name);
	semctl(segment->set, 0, IPC_RMID);
}

void segment_tell(const struct segment *segment, char *text, size_t size)
{
	const struct header *header = &segment->header;
	int length = snprintf(text, size,
		"OK name=%s segment=%s size=%llu offset=%llu width=%u height=%u stride=%llu "
		"format=%s generation=%llu semaphore=%d:%u slot=%u orientation=%u\n",
		segment->label, segment->name, (unsigned long long)header->segment_size,
		(unsigned long long)header->pixel_offset, header->width, header->height,
		(unsigned long long)header->stride, format_to_string((enum format)header->format),
		(unsigned long long)header->generation, header->semaphore_id,
		header->semaphore_index, header->slot, header->orientation);
	assert_true(length > 0 && (size_t)length < size);
}
