/*
 * Sessions.
 *
 * The pins are a tree, ordered by the image's name, so that RELEASE finds all pins of a name
 * next to each other.
 *
 * A session may have thousands of pins. RELEASE and the end of a session therefore do a limited
 * amount of work in one call, counted in steps, and go on in the next one.
 */
#include "daemon/command/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/tiny.h"
#include "daemon/command/listing.h"
#include "daemon/store/lifetime.h"

enum {
	WORK_MAX = TINY(64, 1), /* steps in one call; a pin is one */
	WORK_FREE = 4,		/* steps for a segment that goes with its last pin */
	WORK_CANCEL = 4,
};

static const struct image *session_image_of(const struct pin *pin)
{
	return pin->rendition->generation->image;
}

/* By the image's name, then by rendition. */
static int session_compare(const struct pin *a, const struct pin *b)
{
	int order = session_image_of(a) == session_image_of(b)
			    ? 0
			    : strcmp(session_image_of(a)->name, session_image_of(b)->name);
	if (order)
		return order;
	return a->rendition < b->rendition ? -1 : a->rendition > b->rendition;
}

RB_GENERATE_INTERNAL(pin_tree, pin, node, session_compare, __attribute__((unused)) static)

static int session_join_close_queue(struct session *session, struct engine *engine, uid_t uid)
{
	session->close_queue = close_queue_join(&engine->close_queues, uid);
	if (!session->close_queue)
		return -ENOMEM;
	if (close_queue_check(session->close_queue) != CLOSE_QUEUE_STUCK)
		return 0;
	close_queue_leave(session->close_queue);
	return -EBUSY;
}

int session_open(struct session **opened, struct engine *engine, struct credentials *who)
{
	struct session *session = calloc(1, sizeof(*session));
	if (!session)
		return -ENOMEM;
	int r = accounts_charge(
		&engine->accounts, &session->charge, who->uid, RESOURCE_CONNECTIONS, 1);
	if (r == 0)
		r = session_join_close_queue(session, engine, who->uid);
	if (r < 0) {
		charge_refund(&session->charge);
		free(session);
		return r;
	}
	session->engine = engine;
	session->who = *who;
	*who = (struct credentials){0};
	RB_INIT(&session->pins);
	TAILQ_INIT(&session->pending);
	session->subscription.reader.who = &session->who;
	engine->counters.connections++;
	*opened = session;
	return 0;
}

bool session_is_allowed(const struct engine *engine, uid_t uid)
{
	return accounts_allow(&engine->accounts, uid, RESOURCE_CONNECTIONS, 1);
}

struct fault_fields session_explain_limit(
	struct engine *engine, const struct credentials *who, char *text, size_t size)
{
	accounts_explain(&engine->accounts, who->uid, RESOURCE_CONNECTIONS, 1, text, size);
	return accounts_fields(&engine->accounts, who->uid, RESOURCE_CONNECTIONS);
}

uid_t session_uid(const struct session *session)
{
	return session->who.uid;
}

struct accounts *session_accounts(const struct session *session)
{
	return &session->engine->accounts;
}

struct close_queue *session_close_queue(const struct session *session)
{
	return session->close_queue;
}

struct charge session_take_charge(struct session *session)
{
	return charge_take(&session->charge);
}

struct turn_times *session_turn_times(struct engine *engine)
{
	return &engine->counters.turn_times;
}

void session_on_files_changed(struct engine *engine, void (*changed)(void *context), void *context)
{
	engine->close_queues.changed = changed;
	engine->close_queues.context = context;
}

/* Returns how many steps this was. */
static unsigned session_unpin(struct session *session, struct pin *pin)
{
	const struct store *store = &session->engine->store;
	uint64_t before = store->rendition_count;
	RB_REMOVE(pin_tree, &session->pins, pin);
	image_unpin(pin);
	charge_refund(&pin->charge);
	free(pin);
	return 1 + WORK_FREE * (unsigned)(before - store->rendition_count);
}

static unsigned session_end_pending(struct session *session, struct pending *pending)
{
	TAILQ_REMOVE(&session->pending, pending, link);
	pending->cancel(pending);
	return WORK_CANCEL;
}

bool session_end(struct session *session)
{
	unsigned work = 0;
	subscription_stop(&session->subscription);
	charge_refund(&session->watch_charge);
	while (work < WORK_MAX && !TAILQ_EMPTY(&session->pending))
		work += session_end_pending(session, TAILQ_FIRST(&session->pending));
	while (work < WORK_MAX && !RB_EMPTY(&session->pins))
		work += session_unpin(session, RB_ROOT(&session->pins));
	return TAILQ_EMPTY(&session->pending) && RB_EMPTY(&session->pins);
}

unsigned session_cancel(struct session *session, const char *id)
{
	struct pending *pending = TAILQ_FIRST(&session->pending);
	unsigned count = 0;
	while (pending) {
		struct pending *next = TAILQ_NEXT(pending, link);
		if (strcmp(pending->id, id) == 0) {
			TAILQ_REMOVE(&session->pending, pending, link);
			pending->answer_cancelled(pending);
			count++;
		}
		pending = next;
	}
	return count;
}

void session_close(struct session *session)
{
	while (!session_end(session)) {
	}
	session->engine->counters.connections--;
	charge_refund(&session->charge);
	close_queue_leave(session->close_queue);
	credentials_free(&session->who);
	listing_free(session->listing);
	free(session);
}

bool session_may_hold(const struct session *session)
{
	const struct store *store = &session->engine->store;
	uid_t uid = session->who.uid;
	return store_allows(store, uid, RESOURCE_BYTES, 0) &&
	       store_allows(store, uid, RESOURCE_IMAGES, 0);
}

int session_pin(struct session *session, struct rendition *rendition)
{
	struct pin key = {.rendition = rendition};
	if (RB_FIND(pin_tree, &session->pins, &key))
		return 0;
	if (rendition->generation->image->owner != session->who.uid && !session_may_hold(session))
		return -EDQUOT;
	struct pin *pin = calloc(1, sizeof(*pin));
	if (!pin)
		return -ENOMEM;
	int r = accounts_charge(
		&session->engine->accounts, &pin->charge, session->who.uid, RESOURCE_PINS, 1);
	if (r < 0) {
		free(pin);
		return r;
	}
	pin->session = session;
	image_pin(pin, rendition);
	RB_INSERT(pin_tree, &session->pins, pin);
	return 0;
}

static bool session_matches(const struct pin *pin, const struct pin_filter *filter)
{
	const struct rendition *rendition = pin->rendition;
	const struct generation *generation = rendition->generation;
	uid_t owner = filter->owner < 0 ? pin->session->who.uid : (uid_t)filter->owner;
	if (filter->owner != OWNER_ANY && generation->image->owner != owner)
		return false;
	if (!rendition_matches(rendition, filter->format, filter->box))
		return false;
	return filter->generation == 0 || generation->number == filter->generation;
}

/* The first pin of a name, in the order of the tree. */
static struct pin *session_first_of_name(struct session *session, const char *name)
{
	struct pin *pin = RB_ROOT(&session->pins), *found = NULL;
	while (pin) {
		int order = strcmp(name, session_image_of(pin)->name);
		if (order == 0)
			found = pin;
		pin = order <= 0 ? RB_LEFT(pin, node) : RB_RIGHT(pin, node);
	}
	return found;
}

bool session_release(struct session *session, const struct pin_filter *filter, unsigned *count)
{
	struct pin *pin = session->release.begun ? session->release.next
						 : session_first_of_name(session, filter->name);
	unsigned work = 0;
	while (work < WORK_MAX && pin && strcmp(session_image_of(pin)->name, filter->name) == 0) {
		struct pin *next = RB_NEXT(pin_tree, &session->pins, pin);
		bool matches = session_matches(pin, filter);
		session->release.count += matches;
		work += matches ? session_unpin(session, pin) : 1;
		pin = next;
	}
	session->release.begun = pin && strcmp(session_image_of(pin)->name, filter->name) == 0;
	session->release.next = pin;
	if (session->release.begun)
		return false;
	*count = session->release.count;
	session->release.count = 0;
	return true;
}
