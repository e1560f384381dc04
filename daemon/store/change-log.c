/*
 * Each change has a number, and each reader has the number of the change that it reads next. A
 * reader that has read everything is idle and has no number: changes that it cannot see do not
 * wake it, and it cannot lose any of them. Once all readers are idle, the log is empty.
 */
#include "daemon/store/change-log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/image.h"

static struct change_record **change_log_slot(const struct change_log *log, uint64_t number)
{
	return &log->records[number % CHANGE_LOG_MAX];
}

static void change_log_remove_oldest(struct change_log *log)
{
	struct change_record **slot = change_log_slot(log, log->first++);
	log->bytes -= (*slot)->size;
	free(*slot);
	*slot = NULL;
}

static void change_log_clear(struct change_log *log)
{
	while (log->first < log->end)
		change_log_remove_oldest(log);
}

static bool change_is_visible(const struct view *view, uid_t owner, const struct credentials *who)
{
	return view->generation && share_permits(who, owner, view->share, view->group);
}

bool change_saw_before(const struct change_record *record, const struct credentials *who)
{
	return change_is_visible(&record->before, record->owner, who);
}

bool change_sees_after(const struct change_record *record, const struct credentials *who)
{
	return change_is_visible(&record->after, record->owner, who);
}

static struct view change_view_of(const struct image *image)
{
	return (struct view){image_current(image)->number, image->share, image->group};
}

/* Wakes the idle readers that saw the image or see it now: the change is their next one. */
static void change_log_wake(
	struct change_log *log, uid_t owner, const struct view *before, const struct view *after)
{
	struct change_reader *reader = TAILQ_FIRST(&log->idle);
	while (reader) {
		struct change_reader *next = TAILQ_NEXT(reader, link);
		if (change_is_visible(before, owner, reader->who) ||
			change_is_visible(after, owner, reader->who)) {
			TAILQ_REMOVE(&log->idle, reader, link);
			TAILQ_INSERT_TAIL(&log->busy, reader, link);
			reader->is_idle = false;
			reader->next = log->end;
			reader->wake(reader);
		}
		reader = next;
	}
}

/* Removes old changes until there is room for one of this size. */
static void change_log_make_room(struct change_log *log, size_t size)
{
	while (log->first < log->end &&
		(log->end - log->first == CHANGE_LOG_MAX || log->bytes + size > CHANGE_LOG_BYTES))
		change_log_remove_oldest(log);
}

/* Without memory the change is lost, and with it all that are not read yet. */
static void change_log_add(struct change_log *log, const struct image *image, enum change change,
	const struct view *before, const struct view *after)
{
	size_t length = strlen(image->name) + 1;
	struct change_record *record = calloc(1, sizeof(*record) + length);
	if (!record) {
		change_log_clear(log);
		log->first = ++log->end;
		return;
	}
	record->size = sizeof(*record) + length;
	record->owner = image->owner;
	record->change = change;
	record->before = *before;
	record->after = *after;
	memcpy(record->name, image->name, length);
	change_log_make_room(log, record->size);
	log->bytes += record->size;
	*change_log_slot(log, log->end++) = record;
}

static void change_log_on_change(struct observer *observer, const struct image *image,
	enum change change, const struct view *before)
{
	static const struct view none = {0};
	struct change_log *log = (struct change_log *)observer;
	struct view now = change_view_of(image);
	const struct view *after = before ? &now : &none;
	if (!before)
		before = &now;
	change_log_wake(log, image->owner, before, after);
	if (!TAILQ_EMPTY(&log->busy))
		change_log_add(log, image, change, before, after);
}

static const struct observer_events change_log_events = {
	.changed = change_log_on_change,
};

void change_log_init(struct change_log *log, struct observer_list *observers)
{
	*log = (struct change_log){.observer.events = &change_log_events};
	TAILQ_INIT(&log->idle);
	TAILQ_INIT(&log->busy);
	TAILQ_INSERT_TAIL(observers, &log->observer, link);
}

void change_log_destroy(struct change_log *log)
{
	change_log_clear(log);
	free(log->records);
	log->records = NULL;
}

int change_log_join(struct change_log *log, struct change_reader *reader)
{
	if (!log->records)
		log->records = calloc(CHANGE_LOG_MAX, sizeof(struct change_record *));
	if (!log->records)
		return -ENOMEM;
	reader->is_idle = true;
	TAILQ_INSERT_TAIL(&log->idle, reader, link);
	log->reader_count++;
	return 0;
}

static void change_log_clear_if_read(struct change_log *log)
{
	if (TAILQ_EMPTY(&log->busy))
		change_log_clear(log);
}

void change_log_leave(struct change_log *log, struct change_reader *reader)
{
	TAILQ_REMOVE(reader->is_idle ? &log->idle : &log->busy, reader, link);
	log->reader_count--;
	change_log_clear_if_read(log);
}

const struct change_record *change_log_peek(
	const struct change_log *log, const struct change_reader *reader, bool *lost)
{
	*lost = !reader->is_idle && reader->next < log->first;
	return reader->is_idle || *lost ? NULL : *change_log_slot(log, reader->next);
}

void change_log_advance(struct change_log *log, struct change_reader *reader)
{
	if (reader->is_idle)
		return;
	reader->next = reader->next < log->first ? log->first : reader->next + 1;
	if (reader->next < log->end)
		return;
	TAILQ_REMOVE(&log->busy, reader, link);
	TAILQ_INSERT_TAIL(&log->idle, reader, link);
	reader->is_idle = true;
	change_log_clear_if_read(log);
}
