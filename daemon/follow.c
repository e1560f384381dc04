/*
 * Followed files.
 * See follow.h for what it does and never does.
 */
#include "daemon/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/engine.h"
#include "daemon/flight.h"
#include "daemon/log.h"
#include "daemon/note.h"
#include "daemon/publish.h"
#include "daemon/source.h"

#define MSEC UINT64_C(1000) /* in microseconds, as all times here */

enum {
	SETTLE_WRITTEN = 100 * MSEC, /* who has written often writes on */
	SETTLE_MADE = 250 * MSEC,    /* who has made a file writes it and closes it then */
	SETTLE_MOST = 1000 * MSEC,   /* from the first event on */
	PAUSE_FIRST = 1000 * MSEC,   /* before another try when there was no room or no turn */
	PAUSE_MOST = 64000 * MSEC,
	ACCURACY = 10 * MSEC,
};

struct follow {
	struct trail trail; /* first: the trail is the follow */
	struct engine *engine;
	struct image *image; /* NULL before it is attached */
	uid_t uid;
	sd_event_source *timer; /* when to look at the file */
	bool waiting;		/* for the timer, because of an event at since */
	uint64_t since;
	bool tentative; /* the file was made, and nobody has said that it is whole */
	bool again;	/* look once more after what is being loaded */
	TAILQ_HEAD(, renewal) renewals;
	struct header_source refused; /* what failed to be decoded; not tried again */
	bool complained;	      /* of the last failure, until something works */
	uint64_t pause;		      /* before the next try; 0: none has failed */
	char note[SEGMENT_NAME_SIZE];
	char path[];
};

/* One format of the new generation, being loaded. */
struct renewal {
	struct load load; /* first: the load is the renewal */
	TAILQ_ENTRY(renewal) link;
	struct follow *follow;
};

static struct follow *follow_of(struct trail *trail)
{
	return (struct follow *)trail;
}

/* Looks at the file after a while, sooner than planned before or later. */
static void look_in(struct follow *follow, uint64_t usec)
{
	sd_event_source_set_time_relative(follow->timer, usec);
	sd_event_source_set_enabled(follow->timer, SD_EVENT_ONESHOT);
}

/* Looks at the file when no event has come for a while, or they do not end. */
static void settle(struct follow *follow, uint64_t usec)
{
	uint64_t now = 0;
	sd_event_now(follow->engine->trails.event, CLOCK_MONOTONIC, &now);
	if (!follow->waiting)
		follow->since = now;
	follow->waiting = true;
	uint64_t most = follow->since + SETTLE_MOST;
	look_in(follow, now + usec < most ? usec : most > now ? most - now : 0);
}

static void on_change(struct trail *trail, enum trail_change change)
{
	struct follow *follow = follow_of(trail);
	if (!follow->image)
		return;
	if (change != TRAIL_MADE)
		follow->tentative = false;
	else if (!follow->waiting)
		follow->tentative = true;
	if (change == TRAIL_PLACED)
		settle(follow, 0);
	else
		settle(follow, change == TRAIL_MADE ? SETTLE_MADE : SETTLE_WRITTEN);
}

/* Says once that the image stays as it was; a path is nothing for a log. */
static void complain(struct follow *follow, const char *message)
{
	struct log_client owner = {follow->uid, 0};
	if (!follow->complained)
		log_write(&(struct log_entry){LOG_ENTRY(WARNING, OUTDATED),
				  .image = follow->image->name, .client = &owner},
			"%s of user %u stays as it is, but its file has changed: %s",
			follow->image->name, follow->uid, message);
	follow->complained = true;
}

static const char *reason(int error)
{
	return error == -EDQUOT	  ? "a limit of the user's is reached"
	       : error == -EUSERS ? "the kernel watches no more folders"
				  : strerror(-error);
}

/* What failed for want of something may succeed later. */
static void try_later(struct follow *follow, const char *message)
{
	complain(follow, message);
	follow->pause = follow->pause == 0		 ? PAUSE_FIRST
			: follow->pause < PAUSE_MOST / 2 ? follow->pause * 2
							 : PAUSE_MOST;
	if (!follow->waiting)
		look_in(follow, follow->pause);
}

static void note_success(struct follow *follow)
{
	follow->pause = 0;
	follow->complained = false;
	follow->refused = (struct header_source){0};
}

static bool may_pass(enum fault fault)
{
	return fault == FAULT_BUSY || fault == FAULT_NO_SPACE || fault == FAULT_OVER_QUOTA ||
	       fault == FAULT_TIMEOUT;
}

/* Answers one format's load. */
static void on_landed(
	struct load *load, struct rendition *rendition, enum fault fault, const char *message)
{
	struct renewal *renewal = (struct renewal *)load;
	struct follow *follow = renewal->follow;
	TAILQ_REMOVE(&follow->renewals, renewal, link);
	idle_note(follow->image);
	if (rendition)
		note_success(follow);
	else if (may_pass(fault))
		try_later(follow, message);
	else if (!follow->tentative)
		complain(follow, message);
	if (follow->again && TAILQ_EMPTY(&follow->renewals)) {
		follow->again = false;
		settle(follow, 0);
	}
}

static void cancel(struct follow *follow)
{
	struct renewal *renewal;
	while ((renewal = TAILQ_FIRST(&follow->renewals))) {
		TAILQ_REMOVE(&follow->renewals, renewal, link);
		load_cancel(&renewal->load);
	}
	if (follow->image)
		idle_note(follow->image);
}

static int renew_format(struct follow *follow, struct load_order *order)
{
	struct renewal *renewal = calloc(1, sizeof(*renewal));
	int input = renewal ? fcntl(order->input, F_DUPFD_CLOEXEC, 0) : -1;
	int r = !renewal ? -ENOMEM : input < 0 ? -errno : 0;
	if (r == 0) {
		struct load_order own = *order;
		own.input = input;
		renewal->follow = follow;
		renewal->load.answer = on_landed;
		r = load_join(follow->engine, &own, &renewal->load);
	}
	if (r < 0) {
		if (input >= 0)
			close(input);
		free(renewal);
		return r;
	}
	TAILQ_INSERT_TAIL(&follow->renewals, renewal, link);
	idle_note(follow->image);
	return 0;
}

/* Has the file decoded in all formats that the image has, to be published together. */
static void renew(struct follow *follow, int input, const struct header_source *source)
{
	struct image *image = follow->image;
	struct load_order order = {
		.name = image->name,
		.owner = image->owner,
		.group = image->group,
		.share = -1,
		.keep = -1,
		.input = input,
		.source = *source,
		.together = ++follow->engine->together,
	};
	const struct rendition *rendition;
	int r = 0;
	follow->refused = *source;
	TAILQ_FOREACH (rendition, &image_current(image)->renditions, link) {
		order.format = rendition->format;
		r = r < 0 ? r : renew_format(follow, &order);
	}
	if (r == 0)
		return;
	cancel(follow);
	follow->refused = (struct header_source){0};
	try_later(follow, reason(r));
}

static void open_and_renew(struct follow *follow)
{
	const struct credentials who = {.uid = follow->uid};
	const struct header_source *current = &image_current(follow->image)->source;
	struct header_source source;
	enum fault fault;
	const char *message;
	OWN_FD int input = source_open(follow->path, &who, &fault, &message);
	if (input < 0) {
		/* Without a file the image stays, until there is one again. */
		if (may_pass(fault))
			try_later(follow, message);
		else if (fault != FAULT_NOT_FOUND)
			complain(follow, message);
		return;
	}
	int r = source_identify(input, &source);
	if (r < 0)
		try_later(follow, reason(r));
	else if (source_equal(&source, current))
		note_success(follow);
	else if (!source_equal(&source, &follow->refused) || follow->pause > 0)
		renew(follow, input, &source);
}

static int lay_trail(struct follow *follow, unsigned *places)
{
	return trail_lay(&follow->engine->trails, &follow->trail, follow->path, follow->uid,
		follow->uid == geteuid(), places);
}

static int on_time(sd_event_source *source, uint64_t usec, void *context)
{
	struct follow *follow = context;
	unsigned places;
	(void)source;
	(void)usec;
	follow->waiting = false;
	if (!TAILQ_EMPTY(&follow->renewals)) {
		follow->again = true;
		return 0;
	}
	int r = follow->trail.turned ? lay_trail(follow, &places) : 0;
	if (r < 0) {
		follow->trail.turned = true;
		try_later(follow, reason(r));
		return 0;
	}
	open_and_renew(follow);
	return 0;
}

/* A follow without a note. */
static int make(
	struct engine *engine, uid_t uid, const char *path, struct follow **made, unsigned *places)
{
	struct follow *follow = calloc(1, sizeof(*follow) + strlen(path) + 1);
	if (!follow)
		return -ENOMEM;
	strcpy(follow->path, path);
	follow->engine = engine;
	follow->uid = uid;
	follow->trail.changed = on_change;
	TAILQ_INIT(&follow->renewals);
	int r = sd_event_add_time_relative(engine->trails.event, &follow->timer, CLOCK_MONOTONIC, 0,
		ACCURACY, on_time, follow);
	if (r >= 0)
		r = sd_event_source_set_enabled(follow->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = lay_trail(follow, places);
	if (r < 0) {
		follow_free(follow);
		return r;
	}
	*made = follow;
	return 0;
}

int follow_new(struct engine *engine, const char *name, uid_t uid, const char *path,
	struct follow **made, unsigned *places)
{
	struct follow *follow;
	int r = make(engine, uid, path, &follow, places);
	if (r < 0)
		return r;
	r = note_write(engine->instance, uid, name, path, follow->note);
	if (r < 0) {
		*follow->note = '\0';
		follow_free(follow);
		return r;
	}
	*made = follow;
	return 0;
}

void follow_free(struct follow *follow)
{
	if (!follow)
		return;
	cancel(follow);
	if (*follow->note && !follow->engine->board.left)
		shm_unlink(follow->note);
	if (follow->image)
		follow->image->follow = NULL;
	sd_event_source_disable_unref(follow->timer);
	trail_clear(&follow->trail);
	free(follow);
}

void follow_attach(struct follow *follow, struct image *image)
{
	follow_free(image->follow);
	follow->image = image;
	image->follow = follow;
	/* It may have changed since it was opened, before anybody watched. */
	settle(follow, 0);
}

void follow_move(struct image *from, struct image *to)
{
	to->follow = from->follow;
	from->follow = NULL;
	if (to->follow)
		to->follow->image = to;
}

bool follow_is_of(const struct follow *follow, const char *path)
{
	return follow && strcmp(follow->path, path) == 0;
}

bool follow_is_loading(const struct follow *follow)
{
	return follow && !TAILQ_EMPTY(&follow->renewals);
}

/* Follows what a note says, if its image was taken over. */
static bool adopt_note(void *context, const struct note *note, const char *file)
{
	struct engine *engine = context;
	struct image *image = store_find(&engine->store, note->name, note->owner);
	struct follow *follow;
	unsigned places;
	if (!image || image->follow)
		return false;
	int r = make(engine, note->owner, note->path, &follow, &places);
	if (r < 0) {
		log_warning("%s of user %u is not followed any more: %s", note->name, note->owner,
			reason(r));
		return false;
	}
	strcpy(follow->note, file);
	follow_attach(follow, image);
	return true;
}

int follows_adopt(struct engine *engine)
{
	return notes_read(engine->instance, adopt_note, engine);
}

void follows_stop(struct engine *engine)
{
	while (!TAILQ_EMPTY(&engine->trails.all))
		follow_free(follow_of(TAILQ_FIRST(&engine->trails.all)));
	trails_stop(&engine->trails);
}
