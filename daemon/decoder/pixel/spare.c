/*
 * The spare.
 */
#include "config.h"

#include "daemon/decoder/pixel/spare.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	PIECE = 256 << 10, /* bytes, in a fraction of a millisecond: a job waits for no more */
	PAGE = 4096,	   /* or a part of one */
	QUIET_MS = 5,	   /* without a packet: work that follows upon work is not disturbed */
};

static struct {
	int fd;	       /* -1: there is nothing to prepare */
	uint8_t *map;  /* NULL: there is none */
	size_t size;   /* of the mapping */
	size_t filled; /* bytes of it that have their pages */
	bool used;     /* by a job */
} spare = {.fd = -1};

static void spare_close_descriptor(void)
{
	if (spare.fd >= 0)
		close(spare.fd);
	spare.fd = -1;
}

void spare_drop(void)
{
	spare_close_descriptor();
	if (spare.map)
		munmap(spare.map, spare.size);
	spare.map = NULL;
	spare.used = false;
}

void spare_accept(const struct job_spare *job, int fd)
{
	spare_drop();
	spare.fd = fd;
	spare.size = (size_t)job->size;
	spare.filled = 0;
	void *map = mmap(NULL, spare.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	spare.map = map == MAP_FAILED ? NULL : map;
}

/* Reserved pages are zeroed, and mapped to be written, when they are read. */
static int spare_fill(void)
{
	size_t left = spare.size - spare.filled;
	size_t piece = left < PIECE ? left : PIECE;
	if (fallocate(spare.fd, 0, (off_t)spare.filled, (off_t)piece) < 0)
		return errno == EINTR ? 0 : -errno;
	const volatile uint8_t *from = spare.map + spare.filled;
	for (size_t at = 0; at < piece; at += PAGE)
		(void)from[at];
	spare.filled += piece;
	return 0;
}

static bool spare_has_packet(int channel, int milliseconds)
{
	struct pollfd wait = {.fd = channel, .events = POLLIN};
	return poll(&wait, 1, milliseconds) != 0;
}

int spare_prepare(int channel)
{
	int result = spare.fd >= 0 && !spare.map ? -ENOMEM : 0;
	if (spare.fd >= 0 && spare.map && !spare_has_packet(channel, QUIET_MS)) {
		do
			result = spare_fill();
		while (result == 0 && spare.filled < spare.size && !spare_has_packet(channel, 0));
	}
	spare_close_descriptor();
	if (result < 0)
		spare_drop();
	return result;
}

uint8_t *spare_use(uint64_t size)
{
	if (!spare.map || size > spare.filled) {
		spare_drop();
		return NULL;
	}
	spare.used = true;
	return spare.map;
}

void spare_settle(void)
{
	if (spare.used)
		spare_drop();
}
