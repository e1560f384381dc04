/*
 * The user's runtime folder, $XDG_RUNTIME_DIR: whether it is this user's own. After su or sudo -E
 * it can be another user's, who could read what is sent to a socket there. Creates and changes
 * nothing.
 */
#pragma once

#include <stddef.h>

/* The folder of a daemon's socket in the runtime folder. */
#define RUNTIME_SUBFOLDER "shmimgd"

/* What to do about a runtime folder that is ignored. */
#define RUNTIME_ADVICE                                                                           \
	"Set XDG_RUNTIME_DIR to your own folder, as a new login does (su -, sudo -i), or unset " \
	"it."

/* Enough for a description that runtime_folder() gives, with the usual paths. */
enum { RUNTIME_FAULT_SIZE = 1024 };

/*
 * The runtime folder, from the environment; or NULL if XDG_RUNTIME_DIR is not set, or is ignored:
 * because it is not an absolute path, or because it, or the folder shmimgd in it, is not a folder
 * (a symbolic link is none), does not belong to the effective user, or can be written by others.
 * The folder shmimgd need not exist. A set-user-ID program has no runtime folder.
 * fault has size bytes, which can be 0, and becomes a clause in English that says why
 * XDG_RUNTIME_DIR is ignored, or "".
 */
const char *runtime_folder(char *fault, size_t size);
