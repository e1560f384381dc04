/*
 * The log of changes: keeps the changes of images until all readers that may see them have read
 * them, each in its own time. Adding a change costs the same however many readers there are, but
 * for the call that wakes a reader which had read everything. The log is bounded: when it is full
 * the oldest changes go, and readers that have not read them learn that changes were lost.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/base/tiny.h"
#include "daemon/store/observer.h"
#include "daemon/user/credentials.h"

enum {
	CHANGE_LOG_MAX = TINY(8192, 4), /* changes */
	CHANGE_LOG_BYTES = 1 << 20,	/* of all changes */
};

/* A change of the image of a name and owner. */
struct change_record {
	size_t size;
	uid_t owner;
	enum change change;
	struct view before, after;
	char name[];
};

struct change_reader {
	TAILQ_ENTRY(change_reader) link;
	const struct credentials *who; /* whose changes: of the images that they can access */
	bool is_idle;		       /* there is nothing to read */
	uint64_t next;		       /* number of the change to read, unless idle */

	/* Called when there is something to read again. It must not read yet. */
	void (*wake)(struct change_reader *reader);
};

TAILQ_HEAD(change_readers, change_reader);

struct change_log {
	struct observer observer; /* first: the observer is the log */
	struct change_readers idle;
	struct change_readers busy;
	unsigned reader_count;
	struct change_record *
		*records; /* a ring, by the number of the change; NULL: no reader yet */
	uint64_t first;	  /* number of the oldest change */
	uint64_t end;	  /* number of the next change */
	size_t bytes;
};

/* Adds the log to the observers. */
void change_log_init(struct change_log *log, struct observer_list *observers);

/* No readers may be left. */
void change_log_destroy(struct change_log *log);

/* Adds a reader, with who and wake set, of all changes from now on. Returns 0 or -ENOMEM. */
int change_log_join(struct change_log *log, struct change_reader *reader);
void change_log_leave(struct change_log *log, struct change_reader *reader);

/*
 * The next change, which the reader may be able to see; valid until change_log_advance() or until
 * another change is added. NULL when there is none, or with *lost when changes were lost before
 * the next one.
 */
const struct change_record *change_log_peek(
	const struct change_log *log, const struct change_reader *reader, bool *lost);

/* Goes on to the next change, or behind the lost ones. */
void change_log_advance(struct change_log *log, struct change_reader *reader);

/* What a reader saw of a change: whether the image was and is visible. */
bool change_saw_before(const struct change_record *record, const struct credentials *who);
bool change_sees_after(const struct change_record *record, const struct credentials *who);
