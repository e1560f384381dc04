/*
 * The process that listens at a socket: who it is, and whether a client may send it anything. A
 * client sends open files, so it must not send them to a program of a user whom it has no reason to
 * trust.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Enough for a description that peer_explain() gives. */
enum { PEER_FAULT_SIZE = 512 };

/*
 * The effective uid, at the time of its listen(2), of the process that a connected socket leads to
 * (SO_PEERCRED of unix(7)); that of systemd where systemd listens for the daemon. Returns 0 or a
 * negative errno.
 */
int peer_uid(int socket, uid_t *uid);

/*
 * Root's uid, as this process sees it: 0, but in a user namespace without root, such as that of a
 * sandboxed program, another one, which there stands for root and for all other users.
 */
uid_t peer_root(void);

/*
 * Whether a client may use the daemon of this user at a socket's path. It may if the user is
 *  - the client's own effective user, or root; or
 *  - the user whom $SHMIMG_TRUST_UID names; a set-user-ID program ignores it; or
 *  - the owner of the socket's folder, if root or the client's user gave it to that user.
 * A folder was given so if every folder above it belongs to root or to the client's user, and
 * nobody else can write there or in it. A folder above may be as /tmp is (sticky), but not directly
 * above. No part of the path before the socket may be a symbolic link.
 */
bool peer_is_trusted(uid_t uid, const char *path);

/* As peer_is_trusted(), of a connected socket. Returns 0, -EPERM if it is not, or another errno. */
int peer_check(int socket, const char *path, uid_t *uid);

/*
 * Connects to a path only to find out whom it leads to, and sends nothing. Waits for no room in the
 * daemon's backlog. Returns 0 or a negative errno.
 */
int peer_find(const char *path, uid_t *uid);

/* Describes in English why the daemon of this user is not trusted, and what to do. */
void peer_explain(uid_t uid, const char *path, char *text, size_t size);
