/*
 * Finds an image by what a user types: the path of a file or the name of an image. Uses the
 * library's public header alone, and makes no request of its own.
 */
#pragma once

#include "client/include/shmimg.h"

/* Does something with the image of a name. Returns 0 or a negative errno. */
typedef int (*by_name_action)(shmimg_client *client, const char *name, void *context);

/*
 * Does it with the image that the file of this path was loaded as; the file need not exist.
 * If there is no such image, does it with the image that has exactly this name.
 * Returns the action's result.
 */
int by_name(shmimg_client *client, const char *typed, by_name_action action, void *context);
