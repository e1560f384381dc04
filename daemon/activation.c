/*
 * sd_listen_fds(3) passes any number of descriptors; one of them is served.
 */
#include "daemon/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* The index of the socket to serve, or -EINVAL. */
static int activation_choose(char *const *names, int count)
{
	int chosen = count == 1 ? 0 : -EINVAL;
	for (int i = 0; i < count && chosen < 0; i++) {
		if (strcmp(names[i], ACTIVATION_NAME) == 0)
			chosen = i;
	}
	return chosen;
}

static void activation_free_names(char **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static int activation_read_path(int fd, char *path, size_t size)
{
	struct sockaddr_un address = {0};
	socklen_t length = sizeof(address);
	if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0 ||
		getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
		address.sun_path[0] != '/' ||
		strnlen(address.sun_path, sizeof(address.sun_path)) >= size)
		return -EINVAL;
	snprintf(path, size, "%.*s", (int)sizeof(address.sun_path), address.sun_path);
	return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int activation_take(char *path, size_t size)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names);
	if (count <= 0)
		return count < 0 ? count : ACTIVATION_NONE;
	int chosen = activation_choose(names, count);
	activation_free_names(names, count);
	for (int i = 0; i < count; i++) {
		if (i != chosen)
			close(SD_LISTEN_FDS_START + i);
	}
	if (chosen < 0)
		return chosen;
	int fd = SD_LISTEN_FDS_START + chosen;
	int r = activation_read_path(fd, path, size);
	return r < 0 ? r : fd;
}
