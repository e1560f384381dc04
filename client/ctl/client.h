/*
 * The way to the daemon: which socket, starting a daemon there when none runs, and the two
 * things that a NAME on the command line may mean.
 */
#pragma once

#include "client/ctl/options.h"
#include "client/include/shmimg.h"

/* The socket that was asked for, or NULL: wherever a daemon is. */
const char *client_wanted_socket(const struct options *options);

/*
 * Connects, and starts a daemon first when none runs and that is wanted. Returns 0, or the
 * exit code after having said what is wrong.
 */
int client_open(const struct options *options, shmimg_client **client);

/* Connects once more to where client_open() did; says nothing. Returns a negative errno. */
int client_open_again(const struct options *options, shmimg_client **client);

/* Does something with the image of a name. Returns 0 or a negative errno. */
typedef int (*client_action)(
	shmimg_client *client, const char *name, const struct shmimg_options *image, void *context);

/*
 * Does it with the image that the file of this path was loaded as, or else with the one
 * that has just this name; with --exact the latter alone. Returns the action's result.
 */
int client_by_name(shmimg_client *client, const struct options *options, const char *typed,
	client_action action, void *context);
