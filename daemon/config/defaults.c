/*
 * Constants are in one initializer; each default that depends on the machine has a function.
 */
#include "config.h"

#include "daemon/config/defaults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "client/protocol/name.h"
#include "daemon/base/cleanup.h"
#include "daemon/log/log.h"

enum { DECODERS_MAX = 256 };

#define MAX_PIXELS (UINT64_C(1) << 28)

/* Deflate compresses at most 1032:1, and a pixel has at least one bit: 8256 pixels a byte. */
#define MAX_PIXELS_PER_BYTE 10000

static uint64_t defaults_memory_max(void)
{
	struct statvfs shm;
	if (statvfs("/dev/shm", &shm) < 0)
		return UINT64_C(1) << 30;
	return (uint64_t)shm.f_blocks * shm.f_frsize / 4;
}

static uint64_t defaults_decoders(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	if (processors < 1)
		return 2;
	return processors > DECODERS_MAX ? DECODERS_MAX : (uint64_t)processors;
}

/* Looks for the decoder beside this program: where the build puts it, and where make installs it.
 */
static void defaults_find_decoder(char path[DECODER_PATH_MAX + 1])
{
	static const char *const paths[] = {
		"decoder/shmimg-decoder", "../libexec/" PACKAGE "/shmimg-decoder"};
	char folder[DECODER_PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	char *slash = NULL;
	if (length > 0) {
		folder[length] = '\0';
		slash = strrchr(folder, '/');
	}
	for (size_t i = 0; slash && i < sizeof(paths) / sizeof(paths[0]); i++) {
		*slash = '\0';
		int size = snprintf(path, DECODER_PATH_MAX + 1, "%s/%s", folder, paths[i]);
		if (size <= DECODER_PATH_MAX && access(path, X_OK) == 0)
			return;
	}
	snprintf(path, DECODER_PATH_MAX + 1, "%s", DECODER);
}

void defaults_set(struct options *options)
{
	*options = (struct options){
		.socket_mode = geteuid() == 0 ? 0666 : 0600,
		.decoders = defaults_decoders(),
		.decode_timeout = 20,
		.decode_timeout_megapixel = 1000,
		.decoder_idle = 60,
		.user_decoders = DECODERS_MAX, /* the value of decoders */
		.max_pixels = MAX_PIXELS,
		.max_bytes = INT64_MAX, /* only memory_max limits it */
		.max_pixels_per_byte = MAX_PIXELS_PER_BYTE,
		.memory_max = defaults_memory_max(),
		.spare_max = UINT64_C(128) << 20,
		.user_limits =
			{
				[RESOURCE_CONNECTIONS] = 256,
				[RESOURCE_IMAGES] = 65536,
				[RESOURCE_BYTES] = UINT64_MAX, /* the value of memory_max */
				[RESOURCE_LOADS] = 1024,
				[RESOURCE_PINS] = 65536,
				[RESOURCE_FOLLOWS] = 8192,
				[RESOURCE_SETS] = 512,
				[RESOURCE_WATCHES] = 8192,
				[RESOURCE_DESCRIPTORS] = 256,
			},
		.log_level = LOG_LEVEL_INFO,
		.memory_pressure = 1,
	};
	defaults_find_decoder(options->decoder);
}

uint64_t defaults_kernel_descriptors(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : UINT64_MAX;
}

uint64_t defaults_kernel_follows(void)
{
	char text[32] = "";
	OWN_FD int fd = open("/proc/sys/fs/inotify/max_user_watches", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return UINT64_MAX;
	unsigned long long count = strtoull(text, NULL, 10);
	return count > 0 ? count : UINT64_MAX;
}

const char *defaults_environment_socket(void)
{
	const char *path = getenv("SHMIMG_SOCKET");
	return path && *path ? path : NULL;
}

const char *defaults_socket(char path[OPTION_TEXT_SIZE])
{
	/* -ENAMETOOLONG leaves a cut path, which is still too long for a socket. */
	return name_user_socket(path, OPTION_TEXT_SIZE) == -ENOENT ? SOCKET_SYSTEM : path;
}

const char *defaults_config(const char *socket, char path[PATH_MAX])
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int length = -1;
	if (strcmp(socket, SOCKET_SYSTEM) == 0)
		return SYSCONFDIR "/shmimgd/shmimgd.conf";
	if (config && config[0] == '/')
		length = snprintf(path, PATH_MAX, "%s/shmimgd/shmimgd.conf", config);
	else if (home && home[0] == '/')
		length = snprintf(path, PATH_MAX, "%s/.config/shmimgd/shmimgd.conf", home);
	return length < 0 || length >= PATH_MAX ? NULL : path;
}
