/*
 * Configuration files in the grammar of shmimgd.conf(5): a file and the folder of those that
 * amend it, taken apart into keys and values. Logs what is wrong with the text, by file and
 * line; knows no option.
 */
#pragma once

/* Where a key stands. */
struct config_place {
	const char *path;
	unsigned line;
};

/* Whoever wants the keys. */
struct config_user {
	/* One key with its value. Returns 0, or a negative errno for a mistake, once logged. */
	int (*entry)(struct config_user *user, const struct config_place *place, const char *key,
		const char *value);
};

/*
 * Reads a file. Returns 0; -ENOENT when there is none, or none that can be reached; or another
 * negative errno after a mistake, which has been logged. The keys before and after a mistake
 * have been told all the same.
 */
int config_file_read(struct config_user *user, const char *path);

/*
 * Reads the files *.conf of a folder, in the order of their names. Returns as
 * config_file_read() does, but 0 when there is no folder.
 */
int config_folder_read(struct config_user *user, const char *path);
