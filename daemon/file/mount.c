/*
 * Mounts, and who serves them.
 */
#include "daemon/file/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const char *const served[] = {
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
	size_t length = strcspn(type, "."); /* as of "fuse.sshfs" */
	for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
		if (strlen(served[i]) == length && strncmp(served[i], type, length) == 0)
			return true;
	}
	return false;
}

/*
 * The type in a line, which is cut there; NULL when there is none. Before it stand fields of any
 * number, the last of which is "-"; spaces in names are escaped, so that no name can be that.
 */
static const char *mount_type_of(char *line)
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
		const char *type = mount_type_of(line);
		r = type ? mount_type_is_served(type) : -EBADMSG;
	}
	if (r == -ENOENT && !feof(list))
		r = errno ? -errno : -EIO;
	free(line);
	return r;
}

/* Of a mount that went meanwhile nothing is known: the file it had is as good as gone. */
static int mount_ask_list(uint64_t id)
{
	FILE *list = fopen("/proc/self/mountinfo", "re");
	if (!list)
		return errno == ENOENT ? -EIO : -errno;
	int r = mount_find_served(list, id);
	fclose(list);
	return r == 1 ? -EREMOTE : r;
}

int mount_way_check(struct mount_way *way, int place)
{
	struct statx status;
	int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
	if (statx(place, "", flags, STATX_TYPE | STATX_MNT_ID, &status) < 0)
		return -errno;
	uint64_t device = makedev(status.stx_dev_major, status.stx_dev_minor);
	bool other = way->begun && device != way->device;
	way->begun = true;
	way->device = device;
	/* What has a device of its own is here. */
	if (!other || status.stx_dev_major != 0)
		return 0;
	if (!(status.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	return mount_ask_list(status.stx_mnt_id);
}
