/*
 * A board is retired whatever is in it. It may be damaged, or from another version, so nothing of
 * it is needed, and only what it lists and what this user has created is removed.
 */
#include "daemon/segment/remains.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/segment/board.h"
#include "daemon/segment/semaphore.h"
#include "daemon/segment/shm-folder.h"

/* A key is in the board before the kernel has its set, so no set is missed. */
static int remains_remove_sets(const struct board_header *header)
{
	int r = 0;
	for (int i = 0; r == 0 && i < BOARD_SETS; i++) {
		if (header->set_keys[i])
			r = semaphore_remove_key(header->set_keys[i]);
	}
	return r;
}

/* Epoch 0 tells clients that have the board mapped that no daemon will use it again. */
static int remains_zero_epoch(int fd)
{
	static const uint64_t zero = 0;
	off_t offset = offsetof(struct board_header, epoch);
	return pwrite(fd, &zero, sizeof(zero), offset) < 0 ? -errno : 0;
}

/* Reads a board into a header. The end of one that was cut off is 0. */
static int remains_read_board(int fd, struct board_header *header)
{
	memset(header, 0, sizeof(*header));
	return pread(fd, header, sizeof(*header), 0) < 0 ? -errno : 0;
}

int remains_retire_board(const char *instance, uint64_t *next_generation)
{
	char name[64];
	struct board_header header;
	struct stat status;
	*next_generation = 0;
	snprintf(name, sizeof(name), BOARD_NAME, instance);
	OWN_FD int fd = shm_folder_open(name, O_RDWR, &status);
	if (fd == -ENOENT || fd == -EPERM)
		return 0;
	if (fd == -EBADMSG) {
		shm_unlink(name);
		return 0;
	}
	int r = fd < 0 ? fd : remains_read_board(fd, &header);
	if (r == 0 && status.st_size >= (off_t)sizeof(header))
		r = remains_zero_epoch(fd);
	if (r == 0)
		r = remains_remove_sets(&header);
	if (r < 0)
		return r;
	if (header.next_generation <= BOARD_GENERATION_MAX)
		*next_generation = header.next_generation;
	shm_unlink(name);
	return 0;
}

static int remains_remove_file(void *context, const char *file, const struct stat *status)
{
	(void)context;
	(void)status;
	shm_unlink(file);
	return 0;
}

int remains_remove(const char *instance)
{
	uint64_t next_generation;
	int r = remains_retire_board(instance, &next_generation);
	return r < 0 ? r : shm_folder_for_each(instance, remains_remove_file, NULL);
}
