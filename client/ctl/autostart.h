/*
 * Starting a daemon for the user, as gpg and tmux do: one at a time, detached, and not
 * waited for longer than until it is ready or has failed. Speaks no protocol.
 */
#pragma once

enum { AUTOSTART_FAULT_SIZE = 512 };

struct autostart {
	const char *path; /* where its socket shall be */
	int timeout_ms;
	char fault[AUTOSTART_FAULT_SIZE]; /* why it failed, in English */
};

/*
 * Waits until nobody else is starting a daemon at this path, at most timeout_ms; makes the
 * socket's folder if that alone is missing. Returns a descriptor that keeps others out
 * until it is closed, or a negative errno: then one can only go on without.
 */
int autostart_enter(const char *path, int timeout_ms);

/* Starts the daemon and waits until it is ready. Returns 0, or a negative errno and fault. */
int autostart_run(struct autostart *start);
