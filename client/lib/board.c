/*
 * The daemon's board as a client reads it. Slots keep their meaning as long as the board is the
 * same file, which its device and inode identify: a daemon that restarts takes the board of the
 * previous one over. The epoch tells the two daemons apart.
 */
#include "client/lib/board.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool board_is_valid(const struct board_header *header, size_t size)
{
	return memcmp(header->magic, BOARD_MAGIC, sizeof(header->magic)) == 0 &&
	       header->version == BOARD_VERSION && header->slot_offset % sizeof(uint64_t) == 0 &&
	       header->slot_offset >= sizeof(*header) && header->slot_offset <= size &&
	       header->slot_count <= (size - header->slot_offset) / sizeof(uint64_t);
}

/* Only the daemon can write to it or truncate it, so reading the mapping is always safe. */
static bool board_is_safe(const struct stat *file, const struct makers *makers)
{
	return S_ISREG(file->st_mode) && !(file->st_mode & (S_IWGRP | S_IWOTH)) &&
	       image_is_maker(makers, file->st_uid) &&
	       file->st_size >= (off_t)sizeof(struct board_header) &&
	       (uint64_t)file->st_size <= SIZE_MAX;
}

static void board_map(struct board_view *board, int fd, const struct stat *file)
{
	size_t size = (size_t)file->st_size;
	const void *memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return;
	const struct board_header *header = memory;
	*board = (struct board_view){
		.header = header, .size = size, .device = file->st_dev, .inode = file->st_ino};
	if (!board_is_valid(header, size)) {
		board_view_close(board);
		return;
	}
	board->slots = (const uint64_t *)((uintptr_t)memory + header->slot_offset);
	board->slot_count = header->slot_count;
}

int board_view_find(const char *name)
{
	int fd = shm_open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

bool board_view_open(struct board_view *board, int fd, const struct makers *makers)
{
	struct stat file;
	bool found = fd >= 0 && fstat(fd, &file) == 0 && board_is_safe(&file, makers);
	bool same = found && board->header && file.st_dev == board->device &&
		    file.st_ino == board->inode;
	if (!same) {
		board_view_close(board);
		if (found)
			board_map(board, fd, &file);
	}
	if (board->header)
		board->epoch = __atomic_load_n(&board->header->epoch, __ATOMIC_ACQUIRE);
	return same;
}

void board_view_close(struct board_view *board)
{
	/* munmap(2) takes a pointer without const. */
	union {
		const struct board_header *read;
		void *any;
	} mapping = {.read = board->header};
	if (mapping.any)
		munmap(mapping.any, board->size);
	*board = (struct board_view){0};
}
