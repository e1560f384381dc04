/*
 * Getting pages from the kernel and clearing them takes about as long as decoding. A decoder does
 * that while it is idle: after a large image it gets a segment for the next one, guessed to be as
 * large, fills it with pages, and later decodes into it. A spare is never used for another user's
 * decoder, and never twice. Sizes are rounded up, since images of one source differ a little in
 * their metadata; a spare that is a little too large is cut, and one of another size is replaced.
 */
#include "daemon/decode/spare.h"

#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/base/tiny.h"
#include "daemon/segment/segment.h"

enum {
	SIZE_MIN = TINY(1 << 20, 1 << 12),  /* smaller segments get their pages fast enough */
	SIZE_UNIT = TINY(1 << 16, 1 << 12), /* sizes of spares are multiples of this */
	/* Bytes that this thread may free: that takes some 50 microseconds. */
	CUT_MAX = TINY(1 << 19, 1 << 14),
};

void spare_init(struct spare *spare, struct spares *spares)
{
	*spare = (struct spare){.spares = spares, .fd = -1};
}

static bool spare_is_near(uint64_t spare, uint64_t size)
{
	return size <= spare && spare - size <= CUT_MAX;
}

uint64_t spares_max(const struct spares *spares)
{
	uint64_t part = spares->options->memory_max / 4;
	return spares->options->spare_max < part ? spares->options->spare_max : part;
}

/* Half of the free space is left to images that are being loaded. */
static bool spare_may_be_made(const struct spare *spare)
{
	uint64_t max = spares_max(spare->spares), others = spare->spares->bytes - spare->size;
	return spare->wanted > 0 && spare->wanted <= max && others <= max - spare->wanted &&
	       spare->wanted <= segment_free_space() / 2;
}

int spare_make(struct spare *spare)
{
	bool exists = spare->fd >= 0 && spare->size == spare->wanted;
	if (!spare->due || exists || !spare_may_be_made(spare)) {
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
	if (size < SIZE_MIN)
		return -1;
	spare->due = true;
	if (!spare_is_near(spare->wanted, size))
		spare->wanted = (size + SIZE_UNIT - 1) / SIZE_UNIT * SIZE_UNIT;
	if (spare->fd < 0 || !spare_is_near(spare->size, size))
		return -1;
	if (spare->size != size && ftruncate(spare->fd, (off_t)size) < 0)
		return -1;
	int fd = take_fd(&spare->fd);
	spare_forget(spare);
	spare->spares->used++;
	return fd;
}

/* This may be the last descriptor of the segment: a decoder can close its own at any time. */
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
