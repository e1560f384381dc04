/*
 * The files of /dev/shm that belong to an instance: the board and segments. Anybody can create
 * files there, with any name. So a file is looked at before it is opened, and those of other users
 * are left alone: they change nothing.
 */
#pragma once

#include <sys/stat.h>

#define SHM_FOLDER "/dev/shm" /* of the names of shm_open(3), by shm_overview(7) */

/*
 * Opens a regular file of this user, by its name for shm_open(3), and never waits. Returns a
 * descriptor; -ENOENT if there is no file; -EPERM if it belongs to another user; -EBADMSG if it is
 * no regular file, or cannot be opened whenever it is tried; or another negative errno. The caller
 * checks mode and links, which are in status.
 */
int shm_folder_open(const char *file, int flags, struct stat *status);

/*
 * Gets a file: its name for shm_open(3), "/shmimg-INSTANCE-...", and what lstat(2) says. It may
 * remove the file. Returns 0, or a negative errno, which ends shm_folder_for_each().
 */
typedef int shm_folder_handler(void *context, const char *file, const struct stat *status);

/*
 * Calls the handler for each file of an instance that belongs to this user, in no order; logs how
 * many belong to others. The length of a name is not checked. Returns 0 or a negative errno.
 */
int shm_folder_for_each(const char *instance, shm_folder_handler *handler, void *context);
