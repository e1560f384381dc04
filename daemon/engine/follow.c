/*
 * Followed files.
 *
 * A change of the file is debounced: the file is checked when no event has come for a while, or
 * a second after the first one. If its identity has changed, all renditions of the image are
 * decoded again and published together as the next generation. After a transient failure,
 * such as a full /dev/shm, another try follows after a pause that doubles each time.
 */
#include "daemon/engine/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/engine/loader.h"
#include "daemon/engine/refresh.h"
#include "daemon/file/source.h"
#include "daemon/log/log.h"
#include "daemon/segment/follow-record.h"
#include "daemon/store/lifetime.h"

#define MSEC UINT64_C(1000) /* in microseconds, as all times here */

enum {
	DEBOUNCE_WRITTEN = 100 * MSEC, /* a writer often writes more */
	DEBOUNCE_MADE = 250 * MSEC,    /* a new file is written and closed next */
	DEBOUNCE_MAX = 1000 * MSEC,    /* from the first event on */
	PAUSE_FIRST = 1000 * MSEC,     /* before another try after a transient failure */
	PAUSE_MAX = 64000 * MSEC,
	ACCURACY = 10 * MSEC,
};

struct follow {
	struct path_watch path_watch; /* first: the path watch is the follow */
	struct follows *follows;
	struct image *image; /* NULL before it is attached */
	uid_t uid;
	sd_event_source *timer; /* when to check the file */
	bool waiting;		/* for the timer, because of an event at since */
	uint64_t since;
	bool tentative; /* the file is new, and no event has said that it is complete */
	bool again;	/* check the file again after the refresh */
	struct refreshes refreshes;
	struct header_source refused; /* what failed to be decoded; not tried again */
	bool logged;		      /* the last failure, until a success */
	uint64_t pause;		      /* before the next try; 0: none has failed */
	char follow_record[FOLLOW_RECORD_NAME_SIZE]; /* its name; empty without a record */
	char path[];
};

static struct follow *follow_of(struct path_watch *path_watch)
{
	return (struct follow *)path_watch;
}

/* Checks the file after a time, in place of any time that was set before. */
static void follow_check_in(struct follow *follow, uint64_t usec)
{
	sd_event_source_set_time_relative(follow->timer, usec);
	sd_event_source_set_enabled(follow->timer, SD_EVENT_ONESHOT);
}

/* Checks the file when no event has come for a while, or DEBOUNCE_MAX is over. */
static void follow_debounce(struct follow *follow, uint64_t usec)
{
	uint64_t now = 0;
	sd_event_now(follow->follows->path_watches.event, CLOCK_MONOTONIC, &now);
	if (!follow->waiting)
		follow->since = now;
	follow->waiting = true;
	uint64_t latest = follow->since + DEBOUNCE_MAX;
	follow_check_in(follow, now + usec < latest ? usec : latest > now ? latest - now : 0);
}

static void follow_on_change(struct path_watch *path_watch, enum path_watch_change change)
{
	struct follow *follow = follow_of(path_watch);
	if (!follow->image)
		return;
	if (change != PATH_WATCH_MADE)
		follow->tentative = false;
	else if (!follow->waiting)
		follow->tentative = true;
	if (change == PATH_WATCH_PLACED)
		follow_debounce(follow, 0);
	else
		follow_debounce(
			follow, change == PATH_WATCH_MADE ? DEBOUNCE_MADE : DEBOUNCE_WRITTEN);
}

/* Logs once that the image stays as it was. The path is private, so it is not logged. */
static void follow_log_once(struct follow *follow, const char *message)
{
	struct log_client owner = {follow->uid, 0};
	if (!follow->logged)
		log_write(&(struct log_entry){LOG_ENTRY(WARNING, OUTDATED),
				  .image = follow->image->name, .client = &owner},
			"%s of user %u stays as it is, but its file has changed: %s",
			follow->image->name, follow->uid, message);
	follow->logged = true;
}

static const char *follow_reason(int error)
{
	return error == -EDQUOT	   ? "a limit of the user is reached"
	       : error == -EUSERS  ? "the kernel allows no more watched folders"
	       : error == -EREMOTE ? "a program or another machine serves its file system"
				   : strerror(-error);
}

/* After a transient failure. */
static void follow_try_later(struct follow *follow, const char *message)
{
	follow_log_once(follow, message);
	follow->pause = follow->pause == 0		? PAUSE_FIRST
			: follow->pause < PAUSE_MAX / 2 ? follow->pause * 2
							: PAUSE_MAX;
	if (!follow->waiting)
		follow_check_in(follow, follow->pause);
}

/* After a success: no failure is remembered. */
static void follow_reset(struct follow *follow)
{
	follow->pause = 0;
	follow->logged = false;
	follow->refused = (struct header_source){0};
}

/* Whether another try may succeed with the same file. */
static bool follow_is_transient(enum fault fault)
{
	return fault == FAULT_BUSY || fault == FAULT_NO_SPACE || fault == FAULT_OVER_QUOTA ||
	       fault == FAULT_TIMEOUT;
}

/* An image is not evicted while its next generation is being decoded. */
static void follow_update_image(const struct follow *follow)
{
	image_set_refreshing(follow->image, !TAILQ_EMPTY(&follow->refreshes.all));
}

/* The load of one rendition of the next generation has ended. */
static void follow_on_refreshed(
	void *context, const struct rendition *rendition, enum fault fault, const char *message)
{
	struct follow *follow = context;
	follow_update_image(follow);
	if (rendition)
		follow_reset(follow);
	else if (follow_is_transient(fault))
		follow_try_later(follow, message);
	else if (!follow->tentative)
		follow_log_once(follow, message);
	if (follow->again && TAILQ_EMPTY(&follow->refreshes.all)) {
		follow->again = false;
		follow_debounce(follow, 0);
	}
}

/* Decodes the file in all formats and sizes of the image. */
static void follow_refresh(struct follow *follow, int input, const struct header_source *source)
{
	int r = refreshes_begin(
		&follow->refreshes, follow->image, input, follow->path_watch.close_queue, source);
	follow_update_image(follow);
	if (r == 0) {
		follow->refused = *source;
		return;
	}
	follow->refused = (struct header_source){0};
	follow_try_later(follow, follow_reason(r));
}

static void follow_open_and_refresh(struct follow *follow)
{
	const struct credentials who = {.uid = follow->uid};
	const struct header_source *current = &image_current(follow->image)->source;
	struct header_source source;
	enum fault fault;
	const char *message;
	struct close_queue *close_queue = follow->path_watch.close_queue;
	OWN_FILE struct open_file input = {
		close_queue, source_open(follow->path, &who, close_queue, &fault, &message)};
	if (input.fd < 0) {
		/* Without a file the image stays as it is, until there is a file again. */
		if (follow_is_transient(fault))
			follow_try_later(follow, message);
		else if (fault != FAULT_NOT_FOUND)
			follow_log_once(follow, message);
		return;
	}
	int r = source_identify(input.fd, &source);
	if (r < 0)
		follow_try_later(follow, follow_reason(r));
	else if (header_source_equal(&source, current))
		follow_reset(follow);
	else if (!header_source_equal(&source, &follow->refused) || follow->pause > 0)
		follow_refresh(follow, input.fd, &source);
}

static int follow_update_watch(struct follow *follow, unsigned *entries)
{
	return path_watch_update(&follow->follows->path_watches, &follow->path_watch, follow->path,
		follow->uid, follow->uid == geteuid(), entries);
}

static int follow_on_time(sd_event_source *source, uint64_t usec, void *context)
{
	struct follow *follow = context;
	unsigned entries;
	(void)source;
	(void)usec;
	follow->waiting = false;
	if (!TAILQ_EMPTY(&follow->refreshes.all)) {
		follow->again = true;
		return 0;
	}
	int r = follow->path_watch.stale ? follow_update_watch(follow, &entries) : 0;
	if (r < 0) {
		follow->path_watch.stale = true;
		follow_try_later(follow, follow_reason(r));
		return 0;
	}
	follow_open_and_refresh(follow);
	return 0;
}

/* Makes a follow without a follow record. */
static int follow_create(struct follows *follows, uid_t uid, const char *path,
	struct follow **created, unsigned *entries)
{
	struct follow *follow = calloc(1, sizeof(*follow) + strlen(path) + 1);
	if (!follow)
		return -ENOMEM;
	strcpy(follow->path, path);
	follow->follows = follows;
	follow->uid = uid;
	follow->path_watch.changed = follow_on_change;
	follow->path_watch.close_queue = close_queue_join(follows->close_queues, uid);
	follow->refreshes.loader = follows->loader;
	follow->refreshes.done = follow_on_refreshed;
	follow->refreshes.context = follow;
	TAILQ_INIT(&follow->refreshes.all);
	int r = follow->path_watch.close_queue ? 0 : -ENOMEM;
	if (r >= 0)
		r = sd_event_add_time_relative(follows->path_watches.event, &follow->timer,
			CLOCK_MONOTONIC, 0, ACCURACY, follow_on_time, follow);
	if (r >= 0)
		r = sd_event_source_set_enabled(follow->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = follow_update_watch(follow, entries);
	if (r < 0) {
		follow_free(follow);
		return r;
	}
	*created = follow;
	return 0;
}

/* Another user can make something of the folder's name if the socket is in a folder as /tmp. */
static void follow_log_unrecorded(struct follows *follows)
{
	if (!follows->unrecorded)
		log_warning("%s is not a folder of this user, so a daemon that takes over after a "
			    "crash will follow no files. Remove it.",
			follows->identity->follows);
	follows->unrecorded = true;
}

int follow_new(struct follows *follows, const char *name, uid_t uid, const char *path,
	struct follow **created, unsigned *entries)
{
	struct follow *follow;
	int r = follow_create(follows, uid, path, &follow, entries);
	if (r < 0)
		return r;
	r = follow_record_write(follows->identity, uid, name, path, follow->follow_record);
	if (r < 0)
		*follow->follow_record = '\0';
	if (r == -EPERM) {
		follow_log_unrecorded(follows);
	} else if (r < 0) {
		follow_free(follow);
		return r;
	}
	*created = follow;
	return 0;
}

void follow_free(struct follow *follow)
{
	if (!follow)
		return;
	refreshes_cancel(&follow->refreshes);
	if (follow->image)
		follow_update_image(follow);
	if (*follow->follow_record && !follow->follows->loader->store->board->left)
		follow_record_remove(follow->follows->identity, follow->follow_record);
	if (follow->image)
		follow->image->follow = NULL;
	sd_event_source_disable_unref(follow->timer);
	path_watch_clear(&follow->path_watch);
	close_queue_leave(follow->path_watch.close_queue);
	free(follow);
}

void follow_attach(struct follow *follow, struct image *image)
{
	follow_free(image->follow);
	follow->image = image;
	image->follow = follow;
	/* The file may have changed after it was opened and before it was watched. */
	follow_debounce(follow, 0);
}

/* A new image that takes the name of another one takes over its follow. */
static void follow_on_replaced(
	struct observer *observer, struct image *old, struct image *replacement)
{
	struct follow *follow = old->follow;
	(void)observer;
	if (!follow)
		return;
	old->follow = NULL;
	image_set_refreshing(old, false);
	replacement->follow = follow;
	follow->image = replacement;
	follow_update_image(follow);
}

static void follow_on_removed(struct observer *observer, struct image *image)
{
	(void)observer;
	follow_free(image->follow);
}

static const struct observer_events follow_events = {
	.replaced = follow_on_replaced,
	.removed = follow_on_removed,
};

void follows_init(struct follows *follows, sd_event *event, struct accounts *accounts)
{
	path_watches_init(&follows->path_watches, event, accounts);
}

void follows_start(struct follows *follows)
{
	follows->observer.events = &follow_events;
	TAILQ_INSERT_HEAD(&follows->loader->store->observers, &follows->observer, link);
}

bool follow_is_of(const struct follow *follow, const char *path)
{
	return follow && strcmp(follow->path, path) == 0;
}

/* Follows the file of a record, if its image was adopted. */
static bool follow_adopt_record(
	void *context, const struct follow_record *follow_record, const char *file)
{
	struct follows *follows = context;
	struct image *image =
		store_find(follows->loader->store, follow_record->name, follow_record->owner);
	struct follow *follow;
	unsigned entries;
	if (!image || image->follow)
		return false;
	int r = follow_create(
		follows, follow_record->owner, follow_record->path, &follow, &entries);
	if (r < 0) {
		log_warning("%s of user %u is no longer followed: %s", follow_record->name,
			follow_record->owner, follow_reason(r));
		return false;
	}
	strcpy(follow->follow_record, file);
	follow_attach(follow, image);
	return true;
}

int follows_adopt(struct follows *follows)
{
	int r = follow_records_read(follows->identity, follow_adopt_record, follows);
	if (r == -EPERM)
		follow_log_unrecorded(follows);
	return r == -EPERM ? 0 : r;
}

void follows_stop(struct follows *follows)
{
	while (!TAILQ_EMPTY(&follows->path_watches.all))
		follow_free(follow_of(TAILQ_FIRST(&follows->path_watches.all)));
	path_watches_stop(&follows->path_watches);
	if (follows->identity)
		follow_records_end(follows->identity);
}
