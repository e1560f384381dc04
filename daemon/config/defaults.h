/*
 * What is chosen when nobody chooses: the defaults of all options, many of which depend on the
 * machine, the user and the environment. Opens and starts nothing.
 */
#pragma once

#include <limits.h>

#include "daemon/config/options.h"

/* Sets every option but the socket, whose path is left empty. */
void defaults_set(struct options *options);

/* The socket that SHMIMG_SOCKET names, or NULL. */
const char *environment_socket(void);

/* The socket when nobody names one: in path, made of XDG_RUNTIME_DIR, or SOCKET_SYSTEM. */
const char *default_socket(char path[OPTION_TEXT_SIZE]);

/*
 * The configuration file when nobody names one: that of the machine for the daemon of
 * SOCKET_SYSTEM, and the user's for any other; NULL when it is not known where that would be.
 */
const char *default_config(const char *socket, char path[PATH_MAX]);
