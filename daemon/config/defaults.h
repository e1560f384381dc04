/*
 * The defaults of all options; many depend on the machine, the user and the environment.
 */
#pragma once

#include <limits.h>

#include "daemon/config/options.h"

/* Sets every option but the socket, whose path is left empty. */
void defaults_set(struct options *options);

/* The socket that SHMIMG_SOCKET names, or NULL. */
const char *environment_socket(void);

/* The default socket: in path, in $XDG_RUNTIME_DIR, or else SOCKET_SYSTEM. */
const char *default_socket(char path[OPTION_TEXT_SIZE]);

/*
 * The default configuration file: the machine's for SOCKET_SYSTEM, the user's for any other socket;
 * NULL without XDG_CONFIG_HOME and HOME.
 */
const char *default_config(const char *socket, char path[PATH_MAX]);
