/*
 * Mode bits are enough if all users may read the segment, or only the daemon's user. Otherwise an
 * access control list (acl(5), with libacl) names the owner, and the group that shares the image.
 */
#include "daemon/segment/acl.h"

#include <errno.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Adds "tag:id:r", or "tag::-" without may_read, to a list. The list may move in memory. */
static int acl_add_entry(acl_t *list, acl_tag_t tag, const void *id, int may_read)
{
	acl_entry_t entry;
	acl_permset_t permissions;
	if (acl_create_entry(list, &entry) < 0 || acl_set_tag_type(entry, tag) < 0 ||
		(id && acl_set_qualifier(entry, id) < 0) ||
		acl_get_permset(entry, &permissions) < 0 || acl_clear_perms(permissions) < 0 ||
		(may_read && acl_add_perm(permissions, ACL_READ) < 0) ||
		acl_set_permset(entry, permissions) < 0)
		return -errno;
	return 0;
}

static int acl_set_list(int fd, uid_t owner, enum share share, gid_t group)
{
	acl_t list = acl_init(6);
	if (!list)
		return -errno;
	int r = acl_add_entry(&list, ACL_USER_OBJ, NULL, 1);
	if (r == 0)
		r = acl_add_entry(&list, ACL_USER, &owner, 1);
	if (r == 0)
		r = acl_add_entry(&list, ACL_GROUP_OBJ, NULL, 0);
	if (r == 0 && share == SHARE_GROUP)
		r = acl_add_entry(&list, ACL_GROUP, &group, 1);
	if (r == 0)
		r = acl_add_entry(&list, ACL_MASK, NULL, 1);
	if (r == 0)
		r = acl_add_entry(&list, ACL_OTHER, NULL, 0);
	if (r == 0 && acl_set_fd(fd, list) < 0)
		r = -errno;
	acl_free(list);
	return r;
}

int segment_acl_grant(int fd, uid_t owner, enum share share, gid_t group)
{
	/* fchmod(2) ignores the umask, open(2) does not. */
	if (share == SHARE_ALL)
		return fchmod(fd, 0444) < 0 ? -errno : 0;
	if (fchmod(fd, 0400) < 0)
		return -errno;
	if (share == SHARE_PRIVATE && owner == geteuid())
		return 0;
	return acl_set_list(fd, owner, share, group);
}
