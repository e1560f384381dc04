/*
 * The defaults of all options. Many depend on the machine, the user and the environment.
 */
#pragma once

#include <limits.h>

#include "daemon/config/options.h"

/* Sets every option, except that the path of the socket is empty. */
void defaults_set(struct options *options);

/*
 * What the kernel allows the daemon in all: descriptors, and folders watched (inotify(7)).
 * UINT64_MAX if it does not tell.
 */
uint64_t defaults_kernel_descriptors(void);
uint64_t defaults_kernel_follows(void);

/* Returns the value of $SHMIMG_SOCKET, or NULL when it is not set or empty. */
const char *defaults_environment_socket(void);

/*
 * Returns path with the socket in $XDG_RUNTIME_DIR, or SOCKET_SYSTEM when this is not set or is
 * ignored (client/protocol/runtime.h).
 */
const char *defaults_socket(char path[OPTION_TEXT_SIZE]);

/*
 * Returns the default configuration file: that of the machine for SOCKET_SYSTEM, and that of the
 * user for any other socket; NULL when neither XDG_CONFIG_HOME nor HOME is set.
 */
const char *defaults_config(const char *socket, char path[PATH_MAX]);
