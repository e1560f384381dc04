/*
 * The files of /dev/shm that belong to an instance: the board, segments and follow records. Finds
 * them by their names, and does not open them.
 */
#pragma once

#define SHM_FOLDER "/dev/shm" /* of the names of shm_open(3), by shm_overview(7) */

/*
 * Gets a file: its name for shm_open(3), "/shmimg-INSTANCE-SUFFIX", and the suffix. It may remove
 * the file. Returns 0, or a negative errno, which ends shm_folder_for_each().
 */
typedef int shm_folder_handler(void *context, const char *file, const char *suffix);

/*
 * Calls the handler for each file of an instance, in no order. The length of a name is not
 * checked: anyone can create files here. Returns 0 or a negative errno.
 */
int shm_folder_for_each(const char *instance, shm_folder_handler *handler, void *context);
