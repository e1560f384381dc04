/*
 * Any user can have 65536 groups, in a user namespace (newgidmap(1)). The kernel needs a
 * millisecond to copy so many, and a list asks for each image whether one of them shares it. So a
 * client with very many groups has none of them. Groups are kept in order, to be found fast.
 */
#include "daemon/user/credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* socket(7), Linux 4.13 */
#endif

int credentials_read_user(struct credentials *credentials, int socket)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	*credentials = (struct credentials){0};
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	credentials->uid = peer.uid;
	credentials->gid = peer.gid;
	credentials->pid = peer.pid;
	return 0;
}

static int credentials_read_all_groups(struct credentials *credentials, int socket)
{
	socklen_t size = 0;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0)
		return 0;
	if (errno != ERANGE)
		return errno == ENODATA ? 0 : -errno;
	if (size > CREDENTIALS_GROUPS_MAX * sizeof(gid_t))
		return 0;
	credentials->groups = malloc(size);
	if (!credentials->groups)
		return -ENOMEM;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, credentials->groups, &size) < 0)
		return -errno;
	credentials->group_count = size / sizeof(gid_t);
	return 0;
}

static int credentials_compare_groups(const void *a, const void *b)
{
	gid_t first = *(const gid_t *)a, second = *(const gid_t *)b;
	return (first > second) - (first < second);
}

static void credentials_sort_groups(const struct credentials *credentials)
{
	for (size_t i = 1; i < credentials->group_count; i++) {
		if (credentials->groups[i - 1] <= credentials->groups[i])
			continue;
		qsort(credentials->groups, credentials->group_count, sizeof(gid_t),
			credentials_compare_groups);
		return;
	}
}

int credentials_read_groups(struct credentials *credentials, int socket)
{
	int r = credentials_read_all_groups(credentials, socket);
	if (r < 0)
		credentials_free(credentials);
	else
		credentials_sort_groups(credentials);
	return r;
}

void credentials_free(struct credentials *credentials)
{
	free(credentials->groups);
	credentials->groups = NULL;
	credentials->group_count = 0;
}

static bool credentials_in_group(const struct credentials *who, gid_t group)
{
	if (who->gid == group)
		return true;
	return who->group_count > 0 && bsearch(&group, who->groups, who->group_count, sizeof(gid_t),
					       credentials_compare_groups);
}

bool share_permits(const struct credentials *who, uid_t owner, enum share share, gid_t group)
{
	if (who->uid == owner || share == SHARE_ALL)
		return true;
	return share == SHARE_GROUP && credentials_in_group(who, group);
}
