/*
 * Autostart: starts a daemon for the user, as gpg and tmux do, and waits until it is ready or has
 * failed.
 */
#pragma once

enum { AUTOSTART_FAULT_SIZE = 512 };

struct autostart {
	const char *path; /* of the daemon's socket */
	int timeout_ms;
	char fault[AUTOSTART_FAULT_SIZE]; /* why it failed, for the user */
};

/*
 * Takes the lock for starting a daemon; waits for it at most start->timeout_ms. Makes the socket's
 * folder if its parent exists. Returns a descriptor, which holds the lock until it is closed, or a
 * negative errno. After -EPERM no daemon may be started there, and fault says why: the folder, or
 * the one that it would be made in, belongs neither to this user nor to root, or the folder is a
 * symbolic link. After another errno the caller goes on without the lock.
 */
int autostart_lock(struct autostart *start);

/* Starts the daemon and waits until it is ready. Returns 0, or a negative errno; sets fault. */
int autostart_run(struct autostart *start);
