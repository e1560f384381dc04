/*
 * Spares.
 */
#include "daemon/decode/spare.h"

#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/segment/segment.h"

enum {
	LEAST = 1 << 20, /* bytes: the pages of smaller ones are had in no time */
	GRAIN = 1 << 16, /* of metadata, pictures of one camera have more or less */
	CUT = 1 << 19,	 /* bytes at most that this thread frees, in some 50 microseconds */
};

void spare_init(struct spare *spare, struct spares *spares)
{
	*spare = (struct spare){.spares = spares, .fd = -1};
}

static bool spare_is_near(uint64_t spare, uint64_t size)
{
	return size <= spare && spare - size <= CUT;
}

uint64_t spares_most(const struct spares *spares)
{
	uint64_t part = spares->options->memory_max / 4;
	return spares->options->spare_max < part ? spares->options->spare_max : part;
}

/* Half of what is free stays so for those who need it now. */
static bool spare_may_be_made(const struct spare *spare)
{
	uint64_t most = spares_most(spare->spares), others = spare->spares->bytes - spare->size;
	return spare->wanted > 0 && spare->wanted <= most && others <= most - spare->wanted &&
	       spare->wanted <= segment_free_space() / 2;
}

int spare_make(struct spare *spare)
{
	bool is_there = spare->fd >= 0 && spare->size == spare->wanted;
	if (!spare->due || is_there || !spare_may_be_made(spare)) {
		spare->due = false;
		return -1;
	}
	spare->due = false;
	spare_forget(spare);
	int fd = segment_create(spare->wanted);
	if (fd < 0)
		return -1;
	spare->fd = fd;
	spare->size = spare->wanted;
	spare->spares->bytes += spare->size;
	return fd;
}

int spare_take(struct spare *spare, uint64_t size)
{
	if (size < LEAST)
		return -1;
	spare->due = true;
	if (!spare_is_near(spare->wanted, size))
		spare->wanted = (size + GRAIN - 1) / GRAIN * GRAIN;
	if (spare->fd < 0 || !spare_is_near(spare->size, size))
		return -1;
	if (spare->size != size && ftruncate(spare->fd, (off_t)size) < 0)
		return -1;
	int fd = take_fd(&spare->fd);
	spare_forget(spare);
	spare->spares->used++;
	return fd;
}

/* It may be the last to close it: a decoder can let go of what it was given at any time. */
void spare_close(struct spare *spare)
{
	struct deferred_free *deferred_free = spare->spares->deferred_free;
	int fd = take_fd(&spare->fd);
	if (fd >= 0 && deferred_free)
		deferred_free_close(deferred_free, fd);
	else if (fd >= 0)
		close(fd);
}

void spare_forget(struct spare *spare)
{
	spare_close(spare);
	spare->spares->bytes -= spare->size;
	spare->size = 0;
}
