/*
 * The spare.
 *
 * Most of the time that it takes to fill a new segment is spent by the kernel: it finds pages,
 * zeroes them, and takes a fault for each. All of this is done in advance for the spare, by
 * fallocate(2) and one read of each page of the mapping, in pieces: between two pieces the
 * decoder looks for a packet, so that a job waits for one piece at most. The work starts after
 * QUIET_MS without a packet, so that it does not slow down a series of jobs.
 *
 * The descriptor is closed before the next packet is read: the descriptors of a job must get the
 * numbers that the seccomp filter allows. The mapping stays.
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
	PIECE = 256 << 10, /* bytes, filled in a fraction of a millisecond */
	PAGE = 4096,	   /* a real page may be larger */
	QUIET_MS = 5,	   /* without a packet, before the work starts */
};

static struct {
	int fd;	       /* -1: nothing to prepare */
	uint8_t *map;  /* NULL: no spare */
	size_t size;   /* of the mapping */
	size_t filled; /* bytes at its start that have pages */
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

/* A read zeroes a reserved page and maps it, writable as well. */
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

void spare_release(void)
{
	if (spare.used)
		spare_drop();
}
