/*
 * Options of a request.
 */
#include "client/lib/options.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/protocol/keep.h"
#include "client/protocol/share.h"

_Static_assert((int)SHMIMG_PRIVATE == (int)SHARE_PRIVATE, "the header counts as the protocol");
_Static_assert((int)SHMIMG_ALL == (int)SHARE_ALL, "the header counts as the protocol");
_Static_assert((int)SHMIMG_CACHE == (int)KEEP_CACHE, "the header counts as the protocol");
_Static_assert((int)SHMIMG_ATTACHED == (int)KEEP_ATTACHED, "the header counts as the protocol");

/* No version of the structure is larger: a larger size was never initialized. */
enum { SIZE_SANE = 4096 };

/* Whether the first size bytes of the structure contain a whole member. */
#define HAS(size, member)                                    \
	((size) >= offsetof(struct shmimg_options, member) + \
			   sizeof(((struct shmimg_options *)0)->member))

static bool options_tail_is_zero(const struct shmimg_options *given)
{
	const unsigned char *bytes = (const unsigned char *)given;
	for (size_t i = sizeof(*given); i < given->size; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

static bool options_are_valid(const struct shmimg_options *options)
{
	if (options->format != SHMIMG_DEFAULT && !shmimg_format_name(options->format))
		return false;
	return (unsigned)options->share <= SHMIMG_ALL &&
	       (unsigned)options->keep <= SHMIMG_ATTACHED && options->owner >= SHMIMG_OWNER_ANY &&
	       options->owner < UINT32_MAX && (unsigned)options->follow <= SHMIMG_UNFOLLOW &&
	       options->width <= INT32_MAX && options->height <= INT32_MAX &&
	       options->reserved == 0;
}

int options_read(const struct shmimg_options *given, struct shmimg_options *options)
{
	*options = (struct shmimg_options)SHMIMG_OPTIONS_INIT;
	if (!given)
		return 0;
	if (given->size < sizeof(given->size) || given->size > SIZE_SANE ||
		!options_tail_is_zero(given))
		return -EINVAL;
	if (HAS(given->size, format))
		options->format = given->format;
	if (HAS(given->size, share))
		options->share = given->share;
	if (HAS(given->size, keep))
		options->keep = given->keep;
	if (HAS(given->size, owner))
		options->owner = given->owner;
	if (HAS(given->size, follow))
		options->follow = given->follow;
	if (HAS(given->size, width))
		options->width = given->width;
	if (HAS(given->size, height))
		options->height = given->height;
	if (HAS(given->size, reserved))
		options->reserved = given->reserved;
	return options_are_valid(options) ? 0 : -EINVAL;
}

struct box options_box(const struct shmimg_options *options)
{
	return (struct box){options->width, options->height};
}

void options_add_box(struct box box, struct wire_writer *writer)
{
	if (box.width > 0)
		wire_add_number(writer, "width", box.width);
	if (box.height > 0)
		wire_add_number(writer, "height", box.height);
}

void options_add_rendition(const struct shmimg_options *options, struct wire_writer *writer)
{
	if (options->format != SHMIMG_DEFAULT)
		wire_add(writer, "format", shmimg_format_name(options->format));
	options_add_box(options_box(options), writer);
}

void options_add_owner_of(int64_t owner, struct wire_writer *writer)
{
	if (owner == SHMIMG_OWNER_ANY)
		wire_add(writer, "owner", "any");
	else if (owner >= 0)
		wire_add_number(writer, "owner", (uint64_t)owner);
}

void options_add_owner(const struct shmimg_options *options, struct wire_writer *writer)
{
	options_add_owner_of(options->owner, writer);
}

void options_add_load(const struct shmimg_options *options, struct wire_writer *writer)
{
	options_add_rendition(options, writer);
	if (options->share != SHMIMG_PRIVATE)
		wire_add(writer, "share", share_to_string((enum share)options->share));
	if (options->keep != SHMIMG_CACHE)
		wire_add(writer, "keep", keep_to_string((enum keep)options->keep));
	if (options->follow != SHMIMG_FOLLOW_UNCHANGED)
		wire_add(writer, "watch", options->follow == SHMIMG_FOLLOW ? "yes" : "no");
}
