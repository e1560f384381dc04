/*
 * STAT and LIST: describe the images that the client can access.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/glob.h"
#include "daemon/command/arguments.h"
#include "daemon/command/describe.h"
#include "daemon/command/handlers.h"
#include "daemon/command/session.h"

enum {
	HOLDERS_MAX = 64,
	LIST_WORK = 1 << 18, /* steps in a turn */
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

/* The processes that pin an image, each once: pids with commas between, at most HOLDERS_MAX. */
static void stat_add_holders(struct wire_writer *line, const struct image *image)
{
	char list[HOLDERS_MAX * 12] = "";
	size_t length = 0;
	unsigned count = 0;
	const struct generation *generation;
	const struct rendition *rendition;
	const struct pin *pin;
	pid_t pids[HOLDERS_MAX];
	TAILQ_FOREACH (generation, &image->generations, link) {
		TAILQ_FOREACH (rendition, &generation->renditions, link) {
			TAILQ_FOREACH (pin, &rendition->pins, link) {
				if (stat_has_holder(pids, count, pin->session->who.pid))
					continue;
				if (count == HOLDERS_MAX)
					goto enough;
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

static void stat_describe_all(struct wire_writer *line, struct rendition *rendition)
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
	stat_add_holders(line, image);
	stat_add_lock(line, image);
	wire_add_number(line, "unlinked-bytes",
		unlinked_bytes_of(
			&image->store->deferred_free->unlinked, image->name, image->owner));
}

enum outcome command_stat(struct call *call)
{
	struct rendition *rendition = arguments_find_rendition(call);
	if (!rendition)
		return OUTCOME_DONE;
	stat_describe_all(reply_begin(call->reply, "OK"), rendition);
	reply_end(call->reply);
	return OUTCOME_DONE;
}

static bool stat_is_listed(const struct session *session, const struct image *image,
	const struct glob *glob, uint64_t *steps)
{
	return share_permits(&session->who, image->owner, image->share, image->group) &&
	       (!glob || glob_matches(glob, image->name, steps));
}

static enum outcome stat_end_list(struct call *call)
{
	struct session *session = call->session;
	struct wire_writer *line = reply_begin(call->reply, "OK");
	wire_add_number(line, "count", session->cursor.count);
	reply_end(call->reply);
	free(session->cursor.name);
	session->cursor.name = NULL;
	session->cursor.count = 0;
	return OUTCOME_DONE;
}

/* Allocates the memory for the name at which the list continues. Returns whether there is some. */
static bool stat_has_cursor(struct session *session)
{
	if (!session->cursor.name)
		session->cursor.name = calloc(1, NAME_LENGTH_MAX + 1);
	return session->cursor.name != NULL;
}

/* Whether an item can be added, with room for an error after it when there is no cursor. */
static bool stat_can_add(struct session *session, const struct reply *reply)
{
	return reply->size - reply->length >= 2 * WIRE_LINE_MAX || stat_has_cursor(session);
}

/* Ends a list that cannot continue later, with an error. */
static enum outcome stat_abort_list(struct call *call)
{
	call->session->cursor.count = 0;
	return refuse(call, FAULT_BUSY, "the daemon has no memory left");
}

/* Remembers the last image by its name: the image may be removed before the list continues. */
static enum outcome stat_interrupt_list(struct call *call, const struct image *last)
{
	struct session *session = call->session;
	if (!stat_has_cursor(session))
		return stat_abort_list(call);
	if (last) {
		session->cursor.owner = last->owner;
		strcpy(session->cursor.name, last->name);
	}
	return OUTCOME_MORE;
}

enum outcome command_list(struct call *call)
{
	struct session *session = call->session;
	struct store *store = &session->engine->store;
	const char *match = call->request->values[KEY_MATCH];
	if (!arguments_check_match(call))
		return OUTCOME_DONE;
	const char *name = session->cursor.name;
	struct image *image = store_next(store, name && *name ? name : NULL, session->cursor.owner);
	const struct image *last = NULL;
	uint64_t work = 0;
	struct glob *glob = match ? glob_compile(match) : NULL;
	if (match && !glob)
		return stat_abort_list(call);
	while (image && reply_has_room(call->reply) && work < LIST_WORK) {
		if (!stat_can_add(session, call->reply)) {
			glob_free(glob);
			return stat_abort_list(call);
		}
		work++;
		if (stat_is_listed(session, image, glob, &work)) {
			struct wire_writer *line = reply_begin(call->reply, "ITEM");
			stat_describe_all(line, generation_choose(image_current(image), -1, NULL));
			reply_end(call->reply);
			session->cursor.count++;
		}
		last = image;
		image = store_next(store, image->name, image->owner);
	}
	glob_free(glob);
	if (image || !reply_has_room(call->reply))
		return stat_interrupt_list(call, last);
	return stat_end_list(call);
}
