/*
 * Sends messages with their fields to the journal: systemd.journal-fields(7).
 */
#pragma once

#include "daemon/log/entry.h"

enum journal_result {
	JOURNAL_SENT,
	JOURNAL_FULL, /* the message is lost: the journal does not keep up */
	JOURNAL_NONE, /* standard error does not lead to the journal, or nobody runs it */
};

/* Sends a message if standard error leads to the journal. Does not wait. */
enum journal_result journal_send(const struct log_entry *entry, const char *text);
