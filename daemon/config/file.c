/*
 * inih(3) parses the lines. It reads some lines in another way than shmimgd.conf(5) says, so each
 * line is prepared for it. Blanks around a line are removed: to inih, a line that begins with a
 * blank continues the last value. Comments and sections become empty lines. Lines that are too
 * long, lines with control characters, and unknown sections are reported here, because inih does
 * not report them.
 */
#include "daemon/config/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/log/log.h"

enum { FILE_SIZE_MAX = 1 << 16, LINE_LENGTH_MAX = 190 };

/* A file that is being read. */
struct config_text {
	struct config_receiver *receiver;
	struct config_position position;
	const char *next, *end;
	int result;
};

static void config_file_fail(struct config_text *text, const char *what)
{
	log_error("%s:%u: %s", text->position.path, text->position.line, what);
	text->result = -EINVAL;
}

static bool config_file_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Returns the length of the next line, without the blanks around it. */
static size_t config_file_next_line(struct config_text *text, const char **line)
{
	const char *start = text->next;
	size_t left = (size_t)(text->end - start);
	const char *newline = memchr(start, '\n', left);
	const char *end = newline ? newline : text->end;
	text->next = newline ? newline + 1 : end;
	text->position.line++;
	while (start < end && config_file_is_blank(*start))
		start++;
	while (start < end && config_file_is_blank(end[-1]))
		end--;
	*line = start;
	return (size_t)(end - start);
}

static bool config_file_has_control(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return true;
	}
	return false;
}

/* Returns the message for a mistake that inih(3) would not report, or NULL. */
static const char *config_file_check_line(const char *line, size_t length)
{
	static const char section[] = "[shmimgd]";
	if (length > LINE_LENGTH_MAX)
		return "the line is too long; at most 190 bytes are allowed";
	if (config_file_has_control(line, length))
		return "the line contains a control character; remove it";
	if (*line == '[' && (length != strlen(section) || memcmp(line, section, length) != 0))
		return "unknown section; only [shmimgd] is allowed";
	return NULL;
}

/* fgets(3) for inih. A comment, a section or a mistake becomes an empty line. */
static char *config_file_read_line(char *buffer, int size, void *context)
{
	struct config_text *text = context;
	const char *line;
	if (text->next == text->end)
		return NULL;
	size_t length = config_file_next_line(text, &line);
	if (length > 0 && (*line == '#' || *line == ';'))
		length = 0;
	const char *fault = length > 0 ? config_file_check_line(line, length) : NULL;
	if (fault)
		config_file_fail(text, fault);
	if (fault || *line == '[')
		length = 0;
	snprintf(buffer, (size_t)size, "%.*s\n", (int)length, line);
	return buffer;
}

static int config_file_on_entry(
	void *context, const char *section, const char *key, const char *value)
{
	struct config_text *text = context;
	(void)section;
	if (text->receiver->entry(text->receiver, &text->position, key, value) < 0)
		text->result = -EINVAL;
	return 1;
}

static int config_file_parse(
	struct config_receiver *receiver, const char *path, const char *bytes, size_t size)
{
	static const char mark[] =
		"\xef\xbb\xbf"; /* byte order mark of UTF-8, which some editors write */
	bool marked = size >= strlen(mark) && memcmp(bytes, mark, strlen(mark)) == 0;
	struct config_text text = {
		.receiver = receiver,
		.position = {path, 0},
		.next = marked ? bytes + strlen(mark) : bytes,
		.end = bytes + size,
	};
	int line = ini_parse_stream(config_file_read_line, &text, config_file_on_entry, &text);
	if (line > 0) {
		text.position.line = (unsigned)line;
		config_file_fail(&text, "neither a comment nor an option; write KEY = VALUE");
	}
	return line < 0 ? -ENOMEM : text.result;
}

/* Reading a regular file ends and does not wait; of other files only /dev/null is allowed. */
static bool config_file_is_readable(const struct stat *status)
{
	bool null = S_ISCHR(status->st_mode) && status->st_rdev == makedev(1, 3);
	return null || S_ISREG(status->st_mode);
}

static ssize_t config_file_read_all(int fd, char *bytes, size_t size)
{
	size_t length = 0;
	while (length < size) {
		ssize_t count = read(fd, bytes + length, size - length);
		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 0)
			break;
		if (count > 0)
			length += (size_t)count;
	}
	return (ssize_t)length;
}

static int config_file_read_open(struct config_receiver *receiver, const char *path, int fd)
{
	struct stat status;
	OWN_MEMORY char *bytes = calloc(1, FILE_SIZE_MAX + 1);
	if (!bytes)
		return -ENOMEM;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!config_file_is_readable(&status)) {
		log_error("%s: not a regular file", path);
		return -EINVAL;
	}
	ssize_t size = config_file_read_all(fd, bytes, FILE_SIZE_MAX + 1);
	if (size < 0)
		return (int)size;
	if (size > FILE_SIZE_MAX) {
		log_error("%s: the file is too long; at most %d bytes are allowed", path,
			FILE_SIZE_MAX);
		return -EINVAL;
	}
	return config_file_parse(receiver, path, bytes, (size_t)size);
}

/* Whether there is no file, or this user may not search its folder. */
static bool config_file_is_missing(const char *path, int error)
{
	if (error == -ENOENT)
		return true;
	return (error == -ENOTDIR || error == -EACCES) && access(path, F_OK) < 0;
}

int config_file_read(struct config_receiver *receiver, const char *path)
{
	OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r = fd < 0 ? -errno : config_file_read_open(receiver, path, fd);
	if (fd < 0 && config_file_is_missing(path, r))
		return -ENOENT;
	if (r < 0 && r != -EINVAL)
		log_error("%s: cannot be read: %s", path, strerror(-r));
	return r;
}

static int config_file_is_wanted(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return entry->d_name[0] != '.' && length > 5 &&
	       strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int config_file_compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* A broken link in a folder is a mistake; a missing file at the usual place is not. */
static int config_file_read_in_folder(
	struct config_receiver *receiver, const char *folder, const char *name)
{
	char path[PATH_MAX];
	int r = -ENAMETOOLONG;
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path))
		r = config_file_read(receiver, path);
	if (r == -ENOENT || r == -ENAMETOOLONG) {
		log_error("%s/%s: cannot be read: %s", folder, name, strerror(-r));
		return -EINVAL;
	}
	return r;
}

int config_folder_read(struct config_receiver *receiver, const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, config_file_is_wanted, config_file_compare);
	int result = count < 0 ? -errno : 0;
	if (count < 0 && config_file_is_missing(path, result))
		return 0;
	if (count < 0) {
		log_error("%s: cannot be read: %s", path, strerror(-result));
		return result;
	}
	for (int i = 0; i < count; i++) {
		int r = config_file_read_in_folder(receiver, path, entries[i]->d_name);
		if (r < 0)
			result = r;
		free(entries[i]);
	}
	free(entries);
	return result;
}
