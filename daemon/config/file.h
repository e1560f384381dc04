/*
 * Reads configuration files, shmimgd.conf(5): splits a file, or the files of a folder, into keys
 * and values. Logs mistakes of grammar with file and line.
 */
#pragma once

/* The position of a key. */
struct config_position {
	const char *path;
	unsigned line;
};

/* Receives the keys and values. */
struct config_receiver {
	/* Called for each key. Returns 0, or a negative errno after logging a mistake. */
	int (*entry)(struct config_receiver *receiver, const struct config_position *position,
		const char *key, const char *value);
};

/*
 * Reads a file. Returns 0; -ENOENT when the file is missing or its folder cannot be searched; or
 * another negative errno after logging a mistake. Keys before and after a mistake are reported too.
 */
int config_file_read(struct config_receiver *receiver, const char *path);

/*
 * Reads the files *.conf of a folder, in the order of their names. Returns the
 * same as config_file_read(), but 0 when there is no folder.
 */
int config_folder_read(struct config_receiver *receiver, const char *path);
