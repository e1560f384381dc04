/*
 * LIST: describes the images that the client can access, in the order of names and owners.
 *
 * One turn takes at most about LIST_STEPS. A longer list notes the last image that it has checked,
 * and continues after it in a later turn: the image may be gone then. A request that has taken more
 * than its part of the turn also ends the turn before it is complete, since many requests may come
 * together.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/base/glob.h"
#include "daemon/base/tiny.h"
#include "daemon/command/arguments.h"
#include "daemon/command/handlers.h"
#include "daemon/command/listing.h"
#include "daemon/command/session.h"
#include "daemon/command/stat.h"

/* A step takes some nanoseconds. */
enum {
	LIST_STEPS = TINY(1 << 18, 1 << 13),   /* of a turn */
	REQUEST_STEPS = TINY(1 << 13, 1 << 8), /* of a request that leaves the turn to others */
	ITEM_STEPS = 1 << 12,		       /* for a line */
	IMAGE_STEPS = 64,   /* for an image, beside one for each byte of its name */
	COMPILE_STEPS = 32, /* for each byte of the pattern */
	UNLINKED_STEPS = 4, /* for each segment that is searched */
};

/* The owner after which there is no image of the name. */
static const uid_t list_last_owner = UINT32_MAX;

/* Reads after= and owner=, the image after which the list begins. */
static bool list_read_position(struct call *call, struct listing *listing)
{
	const char *name = call->request->values[KEY_AFTER];
	int64_t owner;
	if (!arguments_read_owner(call, &owner))
		return false;
	if (owner == OWNER_ANY) {
		refuse_key(call, KEY_OWNER, "owner= of a list must be a user's number");
		return false;
	}
	if (!name && owner < 0)
		return true;
	const char *fault = name ? name_check(name) : "owner= needs a name; add after=";
	if (fault) {
		refuse_key(call, KEY_AFTER, "%s", fault);
		return false;
	}
	listing_set_position(listing, name, owner < 0 ? list_last_owner : (uid_t)owner);
	return true;
}

static bool list_read_limit(struct call *call, struct listing *listing)
{
	const char *text = call->request->values[KEY_LIMIT];
	listing->limit = UINT64_MAX;
	if (!text || (wire_number(text, UINT32_MAX, &listing->limit) == 0 && listing->limit > 0))
		return true;
	refuse_key(call, KEY_LIMIT, "limit= must be a number from 1 to %u", UINT32_MAX);
	return false;
}

static bool list_read_keys(struct call *call, struct listing *listing)
{
	const char *text = call->request->values[KEY_KEYS];
	if (text)
		listing->keys = listing_parse_keys(text);
	if (!text || listing->keys)
		return true;
	refuse_key(call, KEY_KEYS,
		"keys= must be keys of STAT with commas between, such as width,height");
	return false;
}

/* Reads the request. Returns NULL after an error was answered. */
static struct listing *list_begin(struct call *call, uint64_t *steps)
{
	const char *match = call->request->values[KEY_MATCH];
	struct listing *listing = calloc(1, sizeof(*listing));
	if (listing && (!arguments_check_match(call) || !list_read_position(call, listing) ||
			       !list_read_limit(call, listing) || !list_read_keys(call, listing))) {
		listing_free(listing);
		return NULL;
	}
	if (listing && match)
		listing->glob = glob_compile(match);
	if (!listing || (match && !listing->glob)) {
		listing_free(listing);
		refuse(call, FAULT_BUSY, "the daemon has no memory left");
		return NULL;
	}
	*steps += match ? strlen(match) * COMPILE_STEPS : 0;
	return listing;
}

static bool list_has(const struct session *session, const struct listing *listing,
	const struct image *image, uint64_t *steps)
{
	*steps += IMAGE_STEPS + strlen(image->name);
	return share_permits(&session->who, image->owner, image->share, image->group) &&
	       (!listing->glob || glob_matches(listing->glob, image->name, steps));
}

static void list_add(
	struct call *call, struct listing *listing, const struct image *image, uint64_t *steps)
{
	struct wire_writer *line = reply_begin(call->reply, "ITEM");
	size_t start = line->length; /* behind the id */
	const struct stat_parts parts = {
		.holders = listing_shows(listing, "holders"),
		.lock = listing_shows(listing, "lock") || listing_shows(listing, "waiters"),
		.unlinked = listing_shows(listing, "unlinked-bytes"),
	};
	stat_describe(line, generation_choose(image_current(image), -1, NULL), &parts);
	listing_filter(listing, line, start);
	reply_end(call->reply);
	listing->count++;
	*steps += ITEM_STEPS;
	if (parts.unlinked)
		*steps += UNLINKED_STEPS * image->store->deferred_free->unlinked.count;
}

/* Adds items until the turn, the room or the images end. */
static void list_run(struct call *call, struct listing *listing, uint64_t *steps)
{
	struct store *store = &call->session->engine->store;
	const struct image *last = NULL;
	const struct image *image =
		store_next(store, listing->has_position ? listing->name : NULL, listing->owner);
	while (image && *steps < LIST_STEPS && reply_has_room(call->reply)) {
		if (list_has(call->session, listing, image, steps)) {
			listing->has_more = listing->count == listing->limit;
			if (listing->has_more)
				break;
			list_add(call, listing, image, steps);
		}
		last = image;
		image = store_next(store, image->name, image->owner);
	}
	listing->is_complete = !image || listing->has_more;
	if (last)
		listing_set_position(listing, last->name, last->owner);
}

static enum outcome list_end(struct call *call, struct listing *listing)
{
	struct wire_writer *line = reply_begin(call->reply, "OK");
	wire_add_number(line, "count", listing->count);
	if (listing->has_more)
		wire_add(line, "more", "yes");
	reply_end(call->reply);
	call->session->listing = NULL;
	listing_free(listing);
	return OUTCOME_DONE;
}

enum outcome command_list(struct call *call)
{
	uint64_t steps = 0;
	struct listing *listing = call->session->listing;
	if (!listing)
		listing = list_begin(call, &steps);
	if (!listing)
		return OUTCOME_DONE;
	call->session->listing = listing;
	if (!listing->is_complete)
		list_run(call, listing, &steps);
	bool may_end = steps <= REQUEST_STEPS && reply_has_room(call->reply);
	return listing->is_complete && may_end ? list_end(call, listing) : OUTCOME_MORE;
}
