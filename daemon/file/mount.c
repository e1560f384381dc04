/*
 * The kernel knows the device and the mount of a descriptor without asking the file system:
 * statx(2) with AT_STATX_DONT_SYNC. While the device stays the same, so does the mount's type. At
 * every other device, and at the first folder, the list in /proc/self/mountinfo, proc(5), tells the
 * type of file system. The number of a device tells nothing: a file system that a program serves
 * may have that of a disk (fuseblk).
 */
#include "daemon/file/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const char *const served_types[] = {
	"9p",
	"acfs",
	"afs",
	"autofs",
	"beegfs",
	"ceph",
	"cifs",
	"coda",
	"davfs",
	"fuse",
	"fuseblk",
	"glusterfs",
	"gpfs",
	"kafs",
	"lustre",
	"lustre_lite",
	"ncpfs",
	"nfs",
	"nfs4",
	"orangefs",
	"prl_fs",
	"pvfs2",
	"smb3",
	"smbfs",
	"vboxsf",
	"virtiofs",
	"vmhgfs",
};

bool mount_type_is_served(const char *type)
{
	size_t length = strcspn(type, "."); /* of "fuse" in "fuse.sshfs" */
	for (size_t i = 0; i < sizeof(served_types) / sizeof(served_types[0]); i++) {
		if (strlen(served_types[i]) == length &&
			strncmp(served_types[i], type, length) == 0)
			return true;
	}
	return false;
}

/*
 * Returns the type in a line, and ends the line after it; NULL for a line without a type. The type
 * follows the field "-", which can be at any position. No name is "-" between spaces, because
 * spaces in names are escaped.
 */
static const char *mount_parse_type(char *line)
{
	char *type = strstr(line, " - ");
	if (!type)
		return NULL;
	type += strlen(" - ");
	type[strcspn(type, " \n")] = '\0';
	return *type ? type : NULL;
}

static bool mount_has_id(const char *line, uint64_t id)
{
	char *end;
	if (*line < '0' || *line > '9')
		return false;
	errno = 0;
	uint64_t found = strtoull(line, &end, 10);
	return errno == 0 && *end == ' ' && found == id;
}

int mount_find_served(FILE *list, uint64_t id)
{
	char *line = NULL;
	size_t size = 0;
	int r = -ENOENT;
	while (r == -ENOENT && getline(&line, &size, list) >= 0) {
		if (!mount_has_id(line, id))
			continue;
		const char *type = mount_parse_type(line);
		r = type ? mount_type_is_served(type) : -EBADMSG;
	}
	if (r == -ENOENT && !feof(list))
		r = errno ? -errno : -EIO;
	free(line);
	return r;
}

/* Returns -ENOENT for a mount that was removed meanwhile: its files are gone too. */
static int mount_check_list(uint64_t id)
{
	FILE *list = fopen("/proc/self/mountinfo", "re");
	if (!list)
		return errno == ENOENT ? -EIO : -errno;
	int r = mount_find_served(list, id);
	fclose(list);
	return r == 1 ? -EREMOTE : r;
}

/* Checks the first folder of a walk. It is the same one each time, so the answer is kept. */
static int mount_check_first(uint64_t id, uint64_t device)
{
	static uint64_t local_id, local_device;
	static bool known;
	if (known && id == local_id && device == local_device)
		return 0;
	int r = mount_check_list(id);
	known = r == 0;
	local_id = id;
	local_device = device;
	return r;
}

int mount_walk_check(struct mount_walk *walk, int fd)
{
	struct statx status;
	int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
	if (statx(fd, "", flags, STATX_TYPE | STATX_MNT_ID, &status) < 0)
		return -errno;
	uint64_t device = makedev(status.stx_dev_major, status.stx_dev_minor);
	bool first = !walk->begun;
	if (!first && device == walk->device)
		return 0;
	walk->begun = true;
	walk->device = device;
	if (!(status.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	return first ? mount_check_first(status.stx_mnt_id, device)
		     : mount_check_list(status.stx_mnt_id);
}
