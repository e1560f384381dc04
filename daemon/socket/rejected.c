/*
 * Sockets of those who were turned away.
 */
#include "daemon/socket/rejected.h"

#include <errno.h>
#include <stdlib.h>

enum { REFUSALS_MAX = 256 };

struct rejected {
	struct drain_entry drain_entry; /* first: the purge is the refusal */
	struct rejected_list *rejected_list;
};

void rejected_init(struct rejected_list *rejected_list, struct drain *drain)
{
	*rejected_list = (struct rejected_list){.drain = drain};
}

void rejected_destroy(struct rejected_list *rejected_list)
{
	free(rejected_list->next);
	rejected_list->next = NULL;
}

int rejected_prepare(struct rejected_list *rejected_list)
{
	if (rejected_list->count >= REFUSALS_MAX)
		return -EBUSY;
	if (!rejected_list->next)
		rejected_list->next = malloc(sizeof(*rejected_list->next));
	return rejected_list->next ? 0 : -ENOMEM;
}

static void rejected_on_closed(struct drain_entry *drain_entry)
{
	struct rejected *rejected = (struct rejected *)drain_entry;
	rejected->rejected_list->count--;
	free(rejected);
}

void rejected_close(struct rejected_list *rejected_list, int fd)
{
	struct rejected *rejected = rejected_list->next;
	rejected_list->next = NULL;
	rejected_list->count++;
	*rejected = (struct rejected){{.fd = fd, .closed = rejected_on_closed}, rejected_list};
	drain_close(rejected_list->drain, &rejected->drain_entry);
}
