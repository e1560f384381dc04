/*
 * Finds an image by what a user types. A path that is its own name is asked for once. Only
 * the daemon's not-found leads to the second name: -ENOENT of the library's own is the
 * action's result.
 */
#include "client/common/by-name.h"

#include <errno.h>
#include <string.h>

enum { BY_NAME_SIZE = 4096 }; /* bytes of the longest name, and NUL */

int by_name(shmimg_client *client, const char *typed, by_name_action action, void *context)
{
	char name[BY_NAME_SIZE];
	if (shmimg_name_of_path(typed, name, sizeof(name)) == 0 && strcmp(name, typed) != 0) {
		int result = action(client, name, context);
		if (result != -ENOENT || strcmp(shmimg_code(client), "not-found") != 0)
			return result;
	}
	return action(client, typed, context);
}
