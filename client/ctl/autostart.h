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
 * Takes the lock for starting a daemon at this path; waits for it at most timeout_ms. Makes
 * the socket's folder if its parent exists. Returns a descriptor, which holds the lock until it is
 * closed, or a negative errno; the caller then goes on without the lock.
 */
int autostart_lock(const char *path, int timeout_ms);

/* Starts the daemon and waits until it is ready. Returns 0, or a negative errno; sets fault. */
int autostart_run(struct autostart *start);
