/*
 * Connects a command to the daemon, and finds the image that a NAME of the command line means.
 */
#pragma once

#include "client/ctl/options.h"
#include "client/include/shmimg.h"

/* The socket of --socket or SHMIMG_SOCKET; NULL: the default socket. */
const char *client_requested_socket(const struct options *options);

/*
 * Connects; starts a daemon first if none runs, unless --no-autostart forbids it. Returns 0, or the
 * exit code after printing what is wrong.
 */
int client_open(const struct options *options, shmimg_client **client);

/* Connects to the same socket again. Prints nothing. Returns 0 or a negative errno. */
int client_open_again(const struct options *options, shmimg_client **client);

/* What to do with the image of this name. Returns 0 or a negative errno. */
typedef int (*client_action)(
	shmimg_client *client, const char *name, const struct shmimg_options *image, void *context);

/*
 * Applies an action to the image of the file with this path, or else to the image with exactly
 * this name; with --exact, only to the latter. Returns the action's result.
 */
int client_by_name(shmimg_client *client, const struct options *options, const char *typed,
	client_action action, void *context);

/*
 * As client_by_name(), but without --owner also to images that others share: if the user has no
 * such image, the action is applied with SHMIMG_OWNER_ANY. It must then say whose image it is, by
 * client_print_owner().
 */
int client_by_name_of_any(shmimg_client *client, const struct options *options, const char *typed,
	client_action action, void *context);

/* Says that an image belongs to another user, unless it is the caller's own. */
void client_print_owner(const char *typed, uid_t owner);

/* Fetches the image that client_by_name_of_any() finds, and says whose it is. */
int client_fetch(shmimg_client *client, const struct options *options, const char *typed,
	shmimg_image **image);
