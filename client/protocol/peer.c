/*
 * The process that listens at a socket.
 *
 * The kernel knows the peer's uid. That its user may have the client's files follows from the path:
 * /run/shmimgd is shmimgd's because root has made it so, while everything in /tmp, in another
 * user's home and in another user's runtime folder can be that user's own work. Folders are
 * examined only if the peer is neither the client's user nor root.
 */
#include "client/protocol/peer.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/protocol/name.h"
#include "client/protocol/wire.h"

int peer_uid(int socket, uid_t *uid)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return -errno;
	*uid = credentials.uid;
	return 0;
}

uid_t peer_root(void)
{
	struct stat status;
	return stat("/proc/sys", &status) == 0 ? status.st_uid : 0;
}

/* The path of the socket's folder, absolute, without a slash at its end: "" is the root. */
static bool peer_find_folder(const char *path, char folder[PATH_MAX])
{
	char here[PATH_MAX] = "";
	if (path[0] != '/' && !getcwd(here, sizeof(here)))
		return false;
	int length = snprintf(folder, PATH_MAX, "%s%s%s", here, path[0] == '/' ? "" : "/", path);
	if (length < 0 || length >= PATH_MAX)
		return false;
	*strrchr(folder, '/') = '\0';
	return true;
}

/* What a folder says about the one below it. */
enum peer_ground {
	GROUND_BAD,    /* somebody else can exchange the folder below */
	GROUND_SHARED, /* everybody can make folders in it, but exchange only their own */
	GROUND_SAFE,   /* only root and the client's user can make folders in it */
};

static enum peer_ground peer_ground_of(const char *folder, uid_t root)
{
	struct stat status;
	if (lstat(folder, &status) < 0 || !S_ISDIR(status.st_mode))
		return GROUND_BAD;
	if (status.st_uid != 0 && status.st_uid != root && status.st_uid != geteuid())
		return GROUND_BAD;
	if (!(status.st_mode & (S_IWGRP | S_IWOTH)))
		return GROUND_SAFE;
	return status.st_mode & S_ISVTX ? GROUND_SHARED : GROUND_BAD;
}

/* Whether root or the client's user gave the socket's folder to this user. */
static bool peer_was_given_folder(uid_t uid, const char *path)
{
	char folder[PATH_MAX];
	struct stat status;
	if (!peer_find_folder(path, folder))
		return false;
	/* Where it stands for other users too, only the system's socket is certainly root's work.
	 */
	uid_t root = strcmp(path, SOCKET_SYSTEM) == 0 ? peer_root() : 0;
	enum peer_ground ground = peer_ground_of("/", root);
	char *end = strchr(folder, '/');
	while (end && ground != GROUND_BAD) {
		end = strchr(end + 1, '/');
		if (!end)
			break;
		*end = '\0';
		ground = peer_ground_of(folder, root);
		*end = '/';
	}
	return ground == GROUND_SAFE && lstat(folder, &status) == 0 && S_ISDIR(status.st_mode) &&
	       status.st_uid == uid && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

static bool peer_is_named(uid_t uid)
{
	const char *text = secure_getenv("SHMIMG_TRUST_UID");
	uint64_t number;
	return text && wire_number(text, UINT32_MAX - 1, &number) == 0 && number == uid;
}

bool peer_is_trusted(uid_t uid, const char *path)
{
	return uid == geteuid() || uid == 0 || peer_is_named(uid) ||
	       peer_was_given_folder(uid, path);
}

int peer_check(int socket, const char *path, uid_t *uid)
{
	int r = peer_uid(socket, uid);
	if (r < 0)
		return r;
	return peer_is_trusted(*uid, path) ? 0 : -EPERM;
}

int peer_find(const char *path, uid_t *uid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int r = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	if (r == 0)
		r = peer_uid(fd, uid);
	close(fd);
	return r;
}

void peer_explain(uid_t uid, const char *path, char *text, size_t size)
{
	snprintf(text, size,
		"the daemon at %s runs as user %u, not as you or root, so nothing was sent to it. "
		"If "
		"you trust user %u with your files, set SHMIMG_TRUST_UID=%u.",
		path, uid, uid, uid);
}
