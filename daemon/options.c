/*
 * The command line.
 * See options.h for what it does and never does.
 */
#include "config.h"

#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "client/protocol/name.h"
#include "client/protocol/wire.h"

enum {
	DECODERS_MAX = 256,
	DECODE_TIMEOUT_DEFAULT = 60,
	DECODE_TIMEOUT_MAX = 86400,
	USER_LIMIT_MAX = 1000000000,
};

#define MAX_PIXELS_DEFAULT (UINT64_C(1) << 28)

static const char help[] =
	"Usage: shmimgd [OPTION]...\n"
	"Decodes images once, into shared memory, for every program that asks.\n"
	"\n"
	"  --socket PATH           listen here (default: $SHMIMG_SOCKET, else\n"
	"                          $XDG_RUNTIME_DIR/shmimgd/socket, else " SOCKET_SYSTEM ")\n"
	"  --socket-mode OCTAL     permissions of the socket (default: 0666 for root, else 0600)\n"
	"  --memory-max SIZE       bytes of all images together; K, M, G may follow\n"
	"                          (default: a quarter of /dev/shm)\n"
	"  --max-pixels NUMBER     largest width x height of an image (default: 268435456)\n"
	"  --decoders NUMBER       decoder processes at most (default: one for each CPU)\n"
	"  --decode-timeout SECONDS  how long decoding one image may take (default: 60)\n"
	"  --cleanup               remove what a daemon that was killed has left, and exit\n"
	"  --user-connections NUMBER  connections that one user may have (default: 256)\n"
	"  --user-images NUMBER    images that one user may have (default: 65536)\n"
	"  --user-bytes SIZE       bytes of one user's images (default: all of --memory-max)\n"
	"  --user-loads NUMBER     loads of one user that may be under way (default: 1024)\n"
	"  --user-pins NUMBER      pins of one user's connections (default: 65536)\n"
	"  --decoder PROGRAM       the decoder (default: the one installed with shmimgd)\n"
	"  -h, --help              show this and exit\n"
	"  -V, --version           show the version and exit\n"
	"\n"
	"SIGTERM and SIGINT stop it cleanly. See shmimgd(8).\n";

enum option_id {
	OPTION_SOCKET = 256,
	OPTION_SOCKET_MODE,
	OPTION_MEMORY_MAX,
	OPTION_MAX_PIXELS,
	OPTION_DECODERS,
	OPTION_DECODE_TIMEOUT,
	OPTION_DECODER,
	OPTION_CLEANUP,
	OPTION_USER, /* and, for each resource, those after it */
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"socket-mode", required_argument, NULL, OPTION_SOCKET_MODE},
	{"memory-max", required_argument, NULL, OPTION_MEMORY_MAX},
	{"max-pixels", required_argument, NULL, OPTION_MAX_PIXELS},
	{"decoders", required_argument, NULL, OPTION_DECODERS},
	{"decode-timeout", required_argument, NULL, OPTION_DECODE_TIMEOUT},
	{"decoder", required_argument, NULL, OPTION_DECODER},
	{"cleanup", no_argument, NULL, OPTION_CLEANUP},
	{"user-connections", required_argument, NULL, OPTION_USER + RESOURCE_CONNECTIONS},
	{"user-images", required_argument, NULL, OPTION_USER + RESOURCE_IMAGES},
	{"user-bytes", required_argument, NULL, OPTION_USER + RESOURCE_BYTES},
	{"user-loads", required_argument, NULL, OPTION_USER + RESOURCE_LOADS},
	{"user-pins", required_argument, NULL, OPTION_USER + RESOURCE_PINS},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

static int bad_value(const char *option, const char *value, const char *allowed)
{
	fprintf(stderr, "shmimgd: --%s: '%s' is not %s\n", option, value, allowed);
	return -EINVAL;
}

static int read_socket(struct options *options, const char *path)
{
	if (path[0] != '/' || strlen(path) >= sizeof(options->socket) - strlen(".lock"))
		return bad_value("socket", path, "an absolute path of at most 102 bytes");
	strcpy(options->socket, path);
	return 0;
}

static int read_mode(struct options *options, const char *text)
{
	/* strtoul(3) would take spaces and signs too. */
	bool digits = *text && !text[strspn(text, "01234567")];
	unsigned long mode = digits ? strtoul(text, NULL, 8) : 0;
	if (!digits || mode > 0777)
		return bad_value("socket-mode", text, "an octal number from 0 to 0777");
	options->socket_mode = (mode_t)mode;
	return 0;
}

static int read_size(const char *option, const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	char digits[24];
	size_t length = strspn(text, "0123456789");
	const char *unit = text[length] ? strchr(units, text[length]) : NULL;
	unsigned shift = unit ? (unsigned)(unit - units + 1) * 10 : 0;
	if (length < sizeof(digits) && (!text[length] || (unit && !text[length + 1]))) {
		memcpy(digits, text, length);
		digits[length] = '\0';
		if (wire_number(digits, (uint64_t)INT64_MAX >> shift, size) == 0) {
			*size <<= shift;
			return 0;
		}
	}
	return bad_value(option, text, "a number of bytes, with K, M, G or T behind it or none");
}

static int read_count(
	const char *option, const char *text, uint64_t max, const char *allowed, uint64_t *count)
{
	if (wire_number(text, max, count) < 0 || *count == 0)
		return bad_value(option, text, allowed);
	return 0;
}

static int read_user_limit(struct options *options, enum resource resource, const char *text)
{
	uint64_t *limit = &options->user_limits[resource];
	if (resource == RESOURCE_BYTES)
		return read_size(resource_word(resource), text, limit);
	return read_count(resource_word(resource), text, USER_LIMIT_MAX,
		"a number from 1 to 1000000000", limit);
}

static int read_option(struct options *options, int id, const char *text)
{
	uint64_t count = 0;
	int r = 0;
	if (id >= OPTION_USER && id < OPTION_USER + RESOURCE_COUNT)
		return read_user_limit(options, (enum resource)(id - OPTION_USER), text);
	switch (id) {
	case OPTION_SOCKET:
		return read_socket(options, text);
	case OPTION_SOCKET_MODE:
		return read_mode(options, text);
	case OPTION_MEMORY_MAX:
		return read_size("memory-max", text, &options->memory_max);
	case OPTION_MAX_PIXELS:
		return read_count("max-pixels", text, INT64_MAX / 16, "a number of pixels",
			&options->max_pixels);
	case OPTION_DECODERS:
		r = read_count("decoders", text, DECODERS_MAX, "a number from 1 to 256", &count);
		options->decoders = (unsigned)count;
		return r;
	case OPTION_DECODE_TIMEOUT:
		r = read_count("decode-timeout", text, DECODE_TIMEOUT_MAX,
			"a number of seconds from 1 to 86400", &count);
		options->decode_timeout = (unsigned)count;
		return r;
	case OPTION_DECODER:
		options->decoder = text;
		return 0;
	case OPTION_CLEANUP:
		options->cleanup = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static int default_socket(struct options *options)
{
	const char *path = getenv("SHMIMG_SOCKET");
	if (path && *path)
		return read_socket(options, path);
	int r = name_user_socket(options->socket, sizeof(options->socket) - strlen(".lock"));
	if (r == -ENAMETOOLONG)
		return bad_value("socket", "$XDG_RUNTIME_DIR/shmimgd/socket", "short enough");
	if (r < 0)
		strcpy(options->socket, SOCKET_SYSTEM);
	return 0;
}

static uint64_t default_memory_max(void)
{
	struct statvfs shm;
	if (statvfs("/dev/shm", &shm) < 0)
		return UINT64_C(1) << 30;
	return (uint64_t)shm.f_blocks * shm.f_frsize / 4;
}

static void set_defaults(struct options *options)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	*options = (struct options){
		.socket_mode = geteuid() == 0 ? 0666 : 0600,
		.decoders = processors < 1 || processors > DECODERS_MAX ? 2 : (unsigned)processors,
		.decode_timeout = DECODE_TIMEOUT_DEFAULT,
		.max_pixels = MAX_PIXELS_DEFAULT,
		.memory_max = default_memory_max(),
		.user_limits =
			{
				[RESOURCE_CONNECTIONS] = 256,
				[RESOURCE_IMAGES] = 65536,
				[RESOURCE_BYTES] = UINT64_MAX, /* as memory_max */
				[RESOURCE_LOADS] = 1024,
				[RESOURCE_PINS] = 65536,
			},
	};
}

int options_read(struct options *options, int argc, char **argv)
{
	static char name[] = "shmimgd"; /* in getopt(3)'s messages */
	set_defaults(options);
	argv[0] = name;
	for (;;) {
		int id = getopt_long(argc, argv, "hV", long_options, NULL);
		if (id == -1)
			break;
		if (id == 'h' || id == 'V') {
			fputs(id == 'h' ? help : "shmimgd " PACKAGE_VERSION "\n", stdout);
			return 1;
		}
		if (read_option(options, id, optarg) < 0)
			return -EINVAL;
	}
	if (optind < argc) {
		fprintf(stderr, "shmimgd: '%s': no arguments are taken; see --help\n",
			argv[optind]);
		return -EINVAL;
	}
	if (options->user_limits[RESOURCE_BYTES] > options->memory_max)
		options->user_limits[RESOURCE_BYTES] = options->memory_max;
	return options->socket[0] ? 0 : default_socket(options);
}
