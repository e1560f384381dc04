/*
 * Output files. O_TMPFILE makes a file without a name; file systems that lack it get a temporary
 * name. rename(2) replaces an existing file in one step.
 */
#include "client/ctl/output-file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Follows symbolic links, so that their target is replaced and not the links. */
static int output_file_resolve(struct output_file *file, const char *path)
{
	char *real = realpath(path, NULL);
	const char *chosen = real ? real : path;
	int result = -ENAMETOOLONG;
	if (strlen(chosen) < sizeof(file->path)) {
		strcpy(file->path, chosen);
		result = 0;
	}
	free(real);
	return result;
}

/* The length of a path's folder with its '/'; 0 without a folder. */
static int output_file_folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (int)(slash + 1 - path) : 0;
}

static int output_file_choose_temporary(struct output_file *file)
{
	uint64_t random;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(file->temporary, sizeof(file->temporary), "%.*s.shmimgctl-%016" PRIx64,
		output_file_folder_length(file->path), file->path, random);
	return 0;
}

/* A new file gets the mode of the umask; a replacing file is private until it is complete. */
static int output_file_open_beside(struct output_file *file)
{
	mode_t mode = file->replaces ? 0600 : 0666;
	char folder[PATH_MAX];
	int length = output_file_folder_length(file->path);
	snprintf(folder, sizeof(folder), "%.*s", length ? length : 1, length ? file->path : ".");
	int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd < 0 ? -errno : fd;
	fd = open(file->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
	file->named = fd >= 0;
	return fd < 0 ? -errno : fd;
}

static int output_file_open_descriptor(struct output_file *file)
{
	struct stat info;
	if (stat(file->path, &info) == 0) {
		file->replaces = true;
		file->mode = info.st_mode & 0777;
		file->direct = !S_ISREG(info.st_mode);
	}
	if (file->direct) {
		int fd = open(file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return fd < 0 ? -errno : fd;
	}
	int result = output_file_choose_temporary(file);
	return result < 0 ? result : output_file_open_beside(file);
}

int output_file_open(struct output_file *file, const char *path)
{
	memset(file, 0, sizeof(*file));
	int result = output_file_resolve(file, path);
	if (result < 0)
		return result;
	int fd = output_file_open_descriptor(file);
	if (fd < 0)
		return fd;
	file->stream = fdopen(fd, "wb");
	if (file->stream)
		return 0;
	result = -errno;
	close(fd);
	output_file_abandon(file);
	return result;
}

/* Gives the open file its temporary name, unless it has it already. */
static int output_file_give_name(struct output_file *file)
{
	if (file->replaces && fchmod(fileno(file->stream), file->mode) < 0)
		return -errno;
	if (file->named)
		return 0;
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fileno(file->stream));
	if (linkat(AT_FDCWD, link, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	file->named = true;
	return 0;
}

static int output_file_rename(struct output_file *file)
{
	if (fflush(file->stream) != 0)
		return -errno;
	if (file->direct)
		return 0;
	int result = output_file_give_name(file);
	if (result < 0)
		return result;
	if (rename(file->temporary, file->path) < 0)
		return -errno;
	file->named = false;
	return 0;
}

int output_file_commit(struct output_file *file)
{
	int result = output_file_rename(file);
	output_file_abandon(file);
	return result;
}

void output_file_abandon(struct output_file *file)
{
	if (file->named)
		unlink(file->temporary);
	file->named = false;
	if (file->stream)
		fclose(file->stream);
	file->stream = NULL;
}
