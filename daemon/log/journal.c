/*
 * Messages for the journal.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION /* that of the message is given, not that of its sending */
#include "daemon/log/journal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "client/protocol/name.h"

enum { FIELDS_MAX = 16, SPACE = 8192 };

/* Fields under construction: each "NAME=value". */
struct fields {
	struct iovec items[FIELDS_MAX];
	unsigned count;
	size_t used;
	char space[SPACE];
};

static const char *const ids[] = {
#define X(kind, id) [LOG_##kind] = id,
	LOG_KIND_TABLE(X)
#undef X
};

_Static_assert(SPACE >= NAME_LENGTH_MAX + 3072, "a name, a text and all else have room");

/* By systemd.exec(5), $JOURNAL_STREAM: device and inode of what leads to the journal. */
static bool leads_to_journal(void)
{
	const char *said = getenv("JOURNAL_STREAM");
	struct stat status;
	char here[64];
	if (!said || fstat(STDERR_FILENO, &status) < 0)
		return false;
	snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(said, here) == 0;
}

__attribute__((format(printf, 2, 3))) static void add(
	struct fields *fields, const char *format, ...)
{
	va_list arguments;
	char *field = fields->space + fields->used;
	size_t left = sizeof(fields->space) - fields->used;
	va_start(arguments, format);
	int length = vsnprintf(field, left, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= left || fields->count == FIELDS_MAX)
		return;
	fields->items[fields->count++] = (struct iovec){field, (size_t)length};
	fields->used += (size_t)length + 1;
}

/* The path of a source from the top, wherever it was compiled. */
static const char *journal_from_top(const char *file)
{
	while (strncmp(file, "../", 3) == 0)
		file += 3;
	return file;
}

static void journal_add_all(struct fields *fields, const struct log_entry *entry, const char *text)
{
	add(fields, "MESSAGE=%s", text);
	add(fields, "PRIORITY=%d", entry->level);
	add(fields, "SYSLOG_IDENTIFIER=shmimgd");
	add(fields, "CODE_FILE=%s", journal_from_top(entry->file));
	add(fields, "CODE_LINE=%d", entry->line);
	add(fields, "CODE_FUNC=%s", entry->function);
	if (entry->kind != LOG_PLAIN)
		add(fields, "MESSAGE_ID=%s", ids[entry->kind]);
	if (entry->image)
		add(fields, "IMAGE=%s", entry->image);
	if (entry->segment)
		add(fields, "SEGMENT=%s", entry->segment);
	if (entry->fault)
		add(fields, "FAULT=%s", entry->fault);
	if (entry->error)
		add(fields, "ERRNO=%d", entry->error);
	if (entry->client)
		add(fields, "CLIENT_UID=%u", entry->client->uid);
	if (entry->client && entry->client->pid)
		add(fields, "CLIENT_PID=%d", entry->client->pid);
}

bool journal_send(const struct log_entry *entry, const char *text)
{
	struct fields fields;
	if (!leads_to_journal())
		return false;
	fields.count = 0;
	fields.used = 0;
	journal_add_all(&fields, entry, text);
	return sd_journal_sendv(fields.items, (int)fields.count) >= 0;
}
