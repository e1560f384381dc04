/*
 * Notes of followed files.
 */
#include "daemon/segment/follow-record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/base/random.h"

#define NOTE_MAGIC "SHMNOTE\n"

/* What a note begins with; name and path follow, neither ended by NUL. */
struct follow_record_header {
	char magic[8];
	uint32_t version; /* 1 */
	uint32_t owner;
	uint32_t name_length;
	uint32_t path_length;
};

_Static_assert(sizeof(struct follow_record_header) == 24, "a note's header has 24 bytes");

enum {
	NOTE_VERSION = 1,
	NOTE_MAX = sizeof(struct follow_record_header) + NAME_LENGTH_MAX + PATH_MAX
};

int follow_record_write(const char *instance, uid_t owner, const char *name, const char *path,
	char file[SEGMENT_NAME_SIZE])
{
	char secret[33], data[NOTE_MAX + 2];
	struct follow_record_header header = {
		.magic = NOTE_MAGIC,
		.version = NOTE_VERSION,
		.owner = owner,
		.name_length = (uint32_t)strlen(name),
		.path_length = (uint32_t)strlen(path),
	};
	size_t size = sizeof(header) + header.name_length + header.path_length;
	if (header.name_length > NAME_LENGTH_MAX || header.path_length >= PATH_MAX)
		return -ENAMETOOLONG;
	int r = random_hex(secret, 16);
	if (r < 0)
		return r;
	memcpy(data, &header, sizeof(header));
	memcpy(data + sizeof(header), name, header.name_length);
	memcpy(data + sizeof(header) + header.name_length, path, header.path_length);
	snprintf(file, SEGMENT_NAME_SIZE, "/shmimg-%s-" FOLLOW_RECORD_WORD "%s", instance, secret);
	OWN_FD int fd = shm_open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (fd < 0)
		return -errno;
	ssize_t written = pwrite(fd, data, size, 0);
	if (written == (ssize_t)size)
		return 0;
	r = written < 0 ? -errno : -ENOSPC;
	shm_unlink(file);
	return r;
}

/* Puts a text of a note where it belongs; it must be as long as it says. */
static bool follow_record_read_text(char *text, const char *data, size_t length)
{
	memcpy(text, data, length);
	text[length] = '\0';
	return strlen(text) == length;
}

static bool follow_record_read_note(const char *file, struct follow_record *follow_record)
{
	char data[NOTE_MAX + 1];
	struct follow_record_header header;
	struct stat status;
	OWN_FD int fd = shm_open(file, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
		status.st_uid != geteuid() || (status.st_mode & 0777) != 0400 ||
		status.st_nlink != 1)
		return false;
	ssize_t size = pread(fd, data, sizeof(data), 0);
	if (size < (ssize_t)sizeof(header))
		return false;
	memcpy(&header, data, sizeof(header));
	if (memcmp(header.magic, NOTE_MAGIC, sizeof(header.magic)) != 0 ||
		header.version != NOTE_VERSION || header.name_length > NAME_LENGTH_MAX ||
		header.path_length >= PATH_MAX ||
		(size_t)size != sizeof(header) + header.name_length + header.path_length)
		return false;
	follow_record->owner = header.owner;
	const char *text = data + sizeof(header);
	return follow_record_read_text(follow_record->name, text, header.name_length) &&
	       !name_check(follow_record->name) &&
	       follow_record_read_text(
		       follow_record->path, text + header.name_length, header.path_length) &&
	       follow_record->path[0] == '/';
}

int follow_records_read(const char *instance,
	bool (*handler)(void *context, const struct follow_record *follow_record, const char *file),
	void *context)
{
	char prefix[SEGMENT_NAME_SIZE], file[SEGMENT_NAME_SIZE];
	struct follow_record follow_record;
	snprintf(prefix, sizeof(prefix), "shmimg-%s-" FOLLOW_RECORD_WORD, instance);
	DIR *folder = opendir("/dev/shm");
	if (!folder)
		return -errno;
	const struct dirent *entry;
	while ((entry = readdir(folder))) {
		const char *name = entry->d_name;
		if (strncmp(name, prefix, strlen(prefix)) != 0 || strlen(name) + 2 > sizeof(file))
			continue;
		snprintf(file, sizeof(file), "/%.*s", (int)sizeof(file) - 2, name);
		if (!follow_record_read_note(file, &follow_record) ||
			!handler(context, &follow_record, file))
			shm_unlink(file);
	}
	closedir(folder);
	return 0;
}
