/*
 * A message is one datagram of lines "NAME=value", as systemd's documentation of its native journal
 * protocol says; no value has a newline. sd_journal_sendv(3) sends the same, but waits while the
 * journal's queue is full. All fields are in one buffer on the stack: no memory is needed to log
 * that there is none.
 */
#include "daemon/log/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/protocol/name.h"
#include "daemon/base/cleanup.h"

enum { SPACE = 8192 };

/* The fields, each "NAME=value" and a newline. */
struct journal_fields {
	size_t used;
	char space[SPACE];
};

static const char *const journal_ids[] = {
#define X(kind, id) [LOG_##kind] = id,
	LOG_KIND_TABLE(X)
#undef X
};

_Static_assert(SPACE >= NAME_LENGTH_MAX + 3072, "a name, a text and all other fields fit");

/* $JOURNAL_STREAM has device and inode of the stream to the journal: systemd.exec(5). */
static bool journal_is_connected(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char here[64];
	if (!stream || fstat(STDERR_FILENO, &status) < 0)
		return false;
	snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, here) == 0;
}

__attribute__((format(printf, 2, 3))) static void journal_add(
	struct journal_fields *fields, const char *format, ...)
{
	va_list arguments;
	char *field = fields->space + fields->used;
	size_t left = sizeof(fields->space) - fields->used;
	va_start(arguments, format);
	int length = vsnprintf(field, left, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= left)
		return;
	for (char *c = field; (c = strchr(c, '\n'));)
		*c = '?';
	field[length] = '\n';
	fields->used += (size_t)length + 1;
}

/* The path of a source file from the top of the source tree. */
static const char *journal_from_top(const char *file)
{
	while (strncmp(file, "../", 3) == 0)
		file += 3;
	return file;
}

static void journal_add_all(
	struct journal_fields *fields, const struct log_entry *entry, const char *text)
{
	journal_add(fields, "MESSAGE=%s", text);
	journal_add(fields, "PRIORITY=%d", entry->level);
	journal_add(fields, "SYSLOG_IDENTIFIER=shmimgd");
	journal_add(fields, "CODE_FILE=%s", journal_from_top(entry->file));
	journal_add(fields, "CODE_LINE=%d", entry->line);
	journal_add(fields, "CODE_FUNC=%s", entry->function);
	if (entry->kind != LOG_PLAIN)
		journal_add(fields, "MESSAGE_ID=%s", journal_ids[entry->kind]);
	if (entry->image)
		journal_add(fields, "IMAGE=%s", entry->image);
	if (entry->segment)
		journal_add(fields, "SEGMENT=%s", entry->segment);
	if (entry->fault)
		journal_add(fields, "FAULT=%s", entry->fault);
	if (entry->error)
		journal_add(fields, "ERRNO=%d", entry->error);
	if (entry->client)
		journal_add(fields, "CLIENT_UID=%u", entry->client->uid);
	if (entry->client && entry->client->pid)
		journal_add(fields, "CLIENT_PID=%d", entry->client->pid);
}

/* Returns 0 or a negative errno. */
static int journal_send_datagram(const char *data, size_t size)
{
	const struct sockaddr_un journal = {
		.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
	OWN_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)&journal, sizeof(journal)) < 0)
		return -errno;
	return 0;
}

enum journal_result journal_send(const struct log_entry *entry, const char *text)
{
	struct journal_fields fields;
	if (!journal_is_connected())
		return JOURNAL_NONE;
	fields.used = 0;
	journal_add_all(&fields, entry, text);
	int r = journal_send_datagram(fields.space, fields.used);
	return r == 0 ? JOURNAL_SENT : r == -EAGAIN ? JOURNAL_FULL : JOURNAL_NONE;
}
