/*
 * STAT: describes an image that the client can access.
 */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/base/tiny.h"
#include "daemon/command/arguments.h"
#include "daemon/command/describe.h"
#include "daemon/command/handlers.h"
#include "daemon/command/session.h"
#include "daemon/command/stat.h"

enum {
	HOLDERS_MAX = TINY(64, 2),
	PINS_MAX = TINY(1024, 4), /* that are looked at for holders */
};

/* FORMAT:WIDTHxHEIGHT of each; only FORMAT when it has the size of the whole picture. */
static void stat_add_renditions(struct wire_writer *line, const struct generation *generation)
{
	char list[RENDITIONS_MAX * 48] = "";
	size_t length = 0;
	const struct rendition *rendition;
	TAILQ_FOREACH (rendition, &generation->renditions, link) {
		char size[32] = "";
		if (sizeof(list) - length < 48)
			break;
		if (rendition_is_smaller(rendition))
			snprintf(size, sizeof(size), ":%" PRIu32 "x%" PRIu32, rendition->width,
				rendition->height);
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s%s",
			length ? "," : "", format_to_string(rendition->format), size);
	}
	wire_add(line, "renditions", list);
}

static bool stat_has_holder(const pid_t *pids, unsigned count, pid_t pid)
{
	for (unsigned i = 0; i < count; i++) {
		if (pids[i] == pid)
			return true;
	}
	return false;
}

/*
 * The processes that pin an image, each once: pids with commas between, at most HOLDERS_MAX, and of
 * the newest PINS_MAX pins.
 */
static void stat_add_holders(struct wire_writer *line, const struct image *image)
{
	char list[HOLDERS_MAX * 12] = "";
	size_t length = 0;
	unsigned count = 0, pins = 0;
	const struct generation *generation;
	const struct rendition *rendition;
	const struct pin *pin;
	pid_t pids[HOLDERS_MAX];
	TAILQ_FOREACH (generation, &image->generations, link) {
		TAILQ_FOREACH (rendition, &generation->renditions, link) {
			TAILQ_FOREACH (pin, &rendition->pins, link) {
				if (pins++ == PINS_MAX || count == HOLDERS_MAX)
					goto enough;
				if (stat_has_holder(pids, count, pin->session->who.pid))
					continue;
				pids[count++] = pin->session->who.pid;
				length += (size_t)snprintf(list + length, sizeof(list) - length,
					"%s%d", length ? "," : "", pin->session->who.pid);
			}
		}
	}
enough:
	wire_add(line, "holders", list);
}

static void stat_add_lock(struct wire_writer *line, const struct image *image)
{
	pid_t holder;
	unsigned waiters;
	semaphore_stat(&image->semaphore, &holder, &waiters);
	if (holder >= 0)
		wire_add_number(line, "lock", (uint64_t)holder);
	else
		wire_add(line, "lock", "free");
	wire_add_number(line, "waiters", waiters);
}

void stat_describe(
	struct wire_writer *line, struct rendition *rendition, const struct stat_parts *parts)
{
	const struct generation *generation = rendition->generation;
	const struct image *image = generation->image;
	describe_rendition(line, rendition);
	wire_add_number(line, "owner", image->owner);
	wire_add(line, "share", share_to_string(image->share));
	wire_add(line, "keep", keep_to_string(image->keep));
	wire_add(line, "type", generation->type);
	wire_add_number(line, "frames", 1);
	wire_add_number(line, "orientation", rendition->orientation);
	describe_whole(line, rendition);
	wire_add(line, "watch", image->follow ? "yes" : "no");
	stat_add_renditions(line, generation);
	wire_add_number(line, "pins", image->pin_count);
	if (parts->holders)
		stat_add_holders(line, image);
	if (parts->lock)
		stat_add_lock(line, image);
	if (parts->unlinked)
		wire_add_number(line, "unlinked-bytes",
			unlinked_bytes_of(
				&image->store->deferred_free->unlinked, image->name, image->owner));
}

enum outcome command_stat(struct call *call)
{
	struct rendition *rendition = arguments_find_rendition(call);
	if (!rendition)
		return OUTCOME_DONE;
	stat_describe(
		reply_begin(call->reply, "OK"), rendition, &(struct stat_parts){true, true, true});
	reply_end(call->reply);
	return OUTCOME_DONE;
}
