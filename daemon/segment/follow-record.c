/*
 * A record is a file with mode 0400 that is written once: a header, the image's name and the path.
 * Anyone can create files in /dev/shm, so a file counts only if it belongs to the daemon's user
 * and its sizes agree. After a crash in the middle of writing they do not.
 */
#include "daemon/segment/follow-record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/base/random.h"
#include "daemon/segment/shm-folder.h"

/* In the names of the files; those of segments have a digit of a random number here. */
#define RECORD_SUFFIX "note-"
#define RECORD_MAGIC  "SHMNOTE\n"

/* The file begins with this; name and path follow, neither ended by NUL. */
struct follow_record_header {
	char magic[8];
	uint32_t version; /* 1 */
	uint32_t owner;
	uint32_t name_length;
	uint32_t path_length;
};

_Static_assert(sizeof(struct follow_record_header) == 24, "a record's header has 24 bytes");

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = sizeof(struct follow_record_header) + NAME_LENGTH_MAX + PATH_MAX
};

int follow_record_write(const char *instance, uid_t owner, const char *name, const char *path,
	char file[SEGMENT_NAME_SIZE])
{
	char secret[33], data[RECORD_MAX + 2];
	struct follow_record_header header = {
		.magic = RECORD_MAGIC,
		.version = RECORD_VERSION,
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
	snprintf(file, SEGMENT_NAME_SIZE, "/shmimg-%s-" RECORD_SUFFIX "%s", instance, secret);
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

/* Copies a text of a record. Returns false if it has a NUL in it. */
static bool follow_record_copy_text(char *text, const char *data, size_t length)
{
	memcpy(text, data, length);
	text[length] = '\0';
	return strlen(text) == length;
}

static bool follow_record_read(const char *file, struct follow_record *record)
{
	char data[RECORD_MAX + 1];
	struct follow_record_header header;
	struct stat status;
	OWN_FD int fd = shm_folder_open(file, O_RDONLY, &status);
	if (fd < 0 || (status.st_mode & 0777) != 0400 || status.st_nlink != 1)
		return false;
	ssize_t size = pread(fd, data, sizeof(data), 0);
	if (size < (ssize_t)sizeof(header))
		return false;
	memcpy(&header, data, sizeof(header));
	if (memcmp(header.magic, RECORD_MAGIC, sizeof(header.magic)) != 0 ||
		header.version != RECORD_VERSION || header.name_length > NAME_LENGTH_MAX ||
		header.path_length >= PATH_MAX ||
		(size_t)size != sizeof(header) + header.name_length + header.path_length)
		return false;
	record->owner = header.owner;
	const char *text = data + sizeof(header);
	return follow_record_copy_text(record->name, text, header.name_length) &&
	       !name_check(record->name) &&
	       follow_record_copy_text(
		       record->path, text + header.name_length, header.path_length) &&
	       record->path[0] == '/';
}

bool follow_record_is_file(const char *file)
{
	return strstr(file, "-" RECORD_SUFFIX) != NULL;
}

struct follow_record_reader {
	follow_record_handler *handler;
	void *context;
};

static int follow_record_on_file(void *context, const char *file, const struct stat *status)
{
	const struct follow_record_reader *reader = context;
	struct follow_record record;
	if (!follow_record_is_file(file) || !S_ISREG(status->st_mode) ||
		strlen(file) >= SEGMENT_NAME_SIZE)
		return 0;
	if (!follow_record_read(file, &record) || !reader->handler(reader->context, &record, file))
		shm_unlink(file);
	return 0;
}

int follow_records_read(const char *instance, follow_record_handler *handler, void *context)
{
	struct follow_record_reader reader = {handler, context};
	return shm_folder_for_each(instance, follow_record_on_file, &reader);
}
