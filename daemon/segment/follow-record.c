/*
 * A record is a file that is written once: a header, the image's name and the path. It is sealed
 * with the key of the identity. So a record that was only half written is not believed, nor one
 * that came into the folder in another way, while others could write to it.
 */
#include "daemon/segment/follow-record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/base/random.h"

#define RECORD_MAGIC "SHMNOTE\n"

/* The file begins with this; name and path follow, neither ended by NUL. */
struct follow_record_header {
	char magic[8];
	uint32_t version; /* 2 */
	uint32_t owner;
	uint32_t name_length;
	uint32_t path_length;
	uint64_t seal; /* SipHash of the file with 0 here */
};

_Static_assert(sizeof(struct follow_record_header) == 32, "a record's header has 32 bytes");

enum { RECORD_VERSION = 2, RECORD_TEXT_MAX = NAME_LENGTH_MAX + PATH_MAX };

struct follow_record_file {
	struct follow_record_header header;
	char text[RECORD_TEXT_MAX + 1]; /* one more, to see that a file is too long */
};

/*
 * Opens the folder. O_DIRECTORY opens nothing else, and waits for nothing. Returns a descriptor;
 * -EPERM if it is no folder of this user; or another negative errno.
 */
static int follow_record_open_folder(const struct identity *identity)
{
	struct stat status;
	OWN_FD int fd = open(
		identity->follows, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP || errno == EACCES ? -EPERM : -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid != geteuid())
		return -EPERM;
	if ((status.st_mode & 077) != 0 && fchmod(fd, 0700) < 0)
		return -errno;
	return take_fd(&fd);
}

static int follow_record_make_folder(const struct identity *identity)
{
	/* Whatever the umask is; nobody else can replace a folder that this user has made. */
	if (mkdir(identity->follows, 0700) == 0)
		return chmod(identity->follows, 0700) < 0 ? -errno : 0;
	return errno == EEXIST ? 0 : -errno;
}

static uint64_t follow_record_seal(
	const struct identity *identity, const struct follow_record_file *data, size_t size)
{
	struct follow_record_file copy;
	memcpy(&copy, data, size);
	copy.header.seal = 0;
	return siphash(identity->key, &copy, size);
}

/* Fills the data of a record. Returns its size or a negative errno. */
static ssize_t follow_record_fill(const struct identity *identity, uid_t owner, const char *name,
	const char *path, struct follow_record_file *data)
{
	size_t name_length = strlen(name), path_length = strlen(path);
	if (name_length > NAME_LENGTH_MAX || path_length >= PATH_MAX)
		return -ENAMETOOLONG;
	data->header = (struct follow_record_header){
		.magic = RECORD_MAGIC,
		.version = RECORD_VERSION,
		.owner = owner,
		.name_length = (uint32_t)name_length,
		.path_length = (uint32_t)path_length,
	};
	memcpy(data->text, name, name_length);
	memcpy(data->text + name_length, path, path_length);
	size_t size = sizeof(data->header) + name_length + path_length;
	data->header.seal = follow_record_seal(identity, data, size);
	return (ssize_t)size;
}

int follow_record_write(const struct identity *identity, uid_t owner, const char *name,
	const char *path, char file[FOLLOW_RECORD_NAME_SIZE])
{
	struct follow_record_file data;
	ssize_t size = follow_record_fill(identity, owner, name, path, &data);
	if (size < 0)
		return (int)size;
	int r = random_hex(file, (FOLLOW_RECORD_NAME_SIZE - 1) / 2);
	if (r == 0)
		r = follow_record_make_folder(identity);
	OWN_FD int folder = r < 0 ? r : follow_record_open_folder(identity);
	if (folder < 0)
		return folder;
	OWN_FD int fd =
		openat(folder, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ssize_t written = pwrite(fd, &data, (size_t)size, 0);
	if (written == size)
		return 0;
	r = written < 0 ? -errno : -ENOSPC;
	unlinkat(folder, file, 0);
	return r;
}

void follow_record_remove(const struct identity *identity, const char *file)
{
	OWN_FD int folder = follow_record_open_folder(identity);
	if (folder >= 0)
		unlinkat(folder, file, 0);
}

/* Copies a text of a record. Returns false if it has a NUL in it. */
static bool follow_record_copy_text(char *text, const char *data, size_t length)
{
	memcpy(text, data, length);
	text[length] = '\0';
	return strlen(text) == length;
}

/* Reads a record of a regular file. Returns whether a daemon of this identity wrote it. */
static bool follow_record_read(
	const struct identity *identity, int folder, const char *file, struct follow_record *record)
{
	struct follow_record_file data;
	const struct follow_record_header *header = &data.header;
	OWN_FD int fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : pread(fd, &data, sizeof(data), 0);
	if (size < (ssize_t)sizeof(*header) ||
		memcmp(header->magic, RECORD_MAGIC, sizeof(header->magic)) != 0 ||
		header->version != RECORD_VERSION || header->name_length > NAME_LENGTH_MAX ||
		header->path_length >= PATH_MAX ||
		(size_t)size != sizeof(*header) + header->name_length + header->path_length ||
		header->seal != follow_record_seal(identity, &data, (size_t)size))
		return false;
	record->owner = header->owner;
	const char *path = data.text + header->name_length;
	return follow_record_copy_text(record->name, data.text, header->name_length) &&
	       !name_check(record->name) &&
	       follow_record_copy_text(record->path, path, header->path_length) &&
	       record->path[0] == '/';
}

/* Whether a name in the folder is a regular file of this user, which opening cannot wait for. */
static bool follow_record_is_file(int folder, const char *file)
{
	struct stat status;
	return strlen(file) < FOLLOW_RECORD_NAME_SIZE &&
	       fstatat(folder, file, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(status.st_mode) && status.st_uid == geteuid() && status.st_nlink == 1;
}

static int follow_records_walk(
	const struct identity *identity, DIR *folder, follow_record_handler *handler, void *context)
{
	for (;;) {
		struct follow_record record;
		errno = 0;
		const struct dirent *entry = readdir(folder);
		if (!entry)
			return -errno;
		const char *file = entry->d_name;
		if (strcmp(file, ".") == 0 || strcmp(file, "..") == 0)
			continue;
		if (!follow_record_is_file(dirfd(folder), file) ||
			!follow_record_read(identity, dirfd(folder), file, &record) ||
			!handler(context, &record, file))
			unlinkat(dirfd(folder), file, 0);
	}
}

int follow_records_read(
	const struct identity *identity, follow_record_handler *handler, void *context)
{
	OWN_FD int fd = follow_record_open_folder(identity);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	DIR *folder = fdopendir(fd);
	if (!folder)
		return -errno;
	take_fd(&fd);
	int r = follow_records_walk(identity, folder, handler, context);
	closedir(folder);
	follow_records_end(identity);
	return r;
}

void follow_records_end(const struct identity *identity)
{
	OWN_FD int folder = follow_record_open_folder(identity);
	if (folder >= 0)
		rmdir(identity->follows);
}
