/*
 * Sends messages with their fields to the journal: systemd.journal-fields(7).
 */
#pragma once

#include <stdbool.h>

#include "daemon/log/entry.h"

/* Sends a message if standard error leads to the journal. Returns whether the journal has it. */
bool journal_send(const struct log_entry *entry, const char *text);
