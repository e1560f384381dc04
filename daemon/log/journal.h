/*
 * Messages for the journal, with their fields: systemd.journal-fields(7). Decides nothing
 * about what is logged.
 */
#pragma once

#include <stdbool.h>

#include "daemon/log/log.h"

/* Sends a message if standard error leads to the journal. Returns whether it has got it. */
bool journal_send(const struct log_entry *entry, const char *text);
