/*
 * What a FETCH costs with few and with many images, and what memory an image takes of the
 * daemon: two daemons, with 10 and with 100 000 images of 32 x 32, are asked in turns for
 * names at random, and the medians are compared. Fails when a limit is exceeded.
 *
 * tests/bench/many SHMIMGD [IMAGES [FETCHES]]
 */
#include <errno.h>
#include <png.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FEW = 10, BLOCK = 100, WINDOW = 256, SIDE = 32, LINE_SIZE = 1024, START_MSEC = 10000 };

#define RATIO_MAX	1.2
#define IMAGE_BYTES_MAX 1024.0

struct daemon {
	char path[108];
	pid_t pid;
	int socket;
	uint32_t images;
	uint64_t before; /* bytes of its own memory without images */
	uint64_t after;
	double *times; /* of FETCHes, in microseconds */
	size_t count;
	char data[1 << 16];
	size_t length;
};

static char folder[] = "/tmp/shmimg-bench-XXXXXX";
static char picture[64];

static void check(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "many: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int make_socket(int type, const char *path, struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	check(fd >= 0, "socket");
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	return fd;
}

/* Starts a daemon, and waits until it says that it is ready. */
static void start(struct daemon *daemon, const char *program, const char *name)
{
	struct sockaddr_un address;
	char notify[64];
	snprintf(notify, sizeof(notify), "%s/notify", folder);
	snprintf(daemon->path, sizeof(daemon->path), "%s/%s", folder, name);
	int ready = make_socket(SOCK_DGRAM, notify, &address);
	check(bind(ready, (struct sockaddr *)&address, sizeof(address)) == 0, notify);
	setenv("NOTIFY_SOCKET", notify, 1);
	daemon->pid = fork();
	check(daemon->pid >= 0, "fork");
	if (daemon->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execl(program, program, "--socket", daemon->path, "--memory-max", "64G",
			"--user-images", "1000000", "--memory-pressure", "no", (char *)NULL);
		check(0, program);
	}
	struct pollfd waiting = {.fd = ready, .events = POLLIN};
	check(poll(&waiting, 1, START_MSEC) == 1, "the daemon does not get ready");
	close(ready);
	unlink(notify);
	daemon->socket = make_socket(SOCK_STREAM, daemon->path, &address);
	check(connect(daemon->socket, (struct sockaddr *)&address, sizeof(address)) == 0,
		daemon->path);
}

static void stop(struct daemon *daemon)
{
	close(daemon->socket);
	kill(daemon->pid, SIGTERM);
	waitpid(daemon->pid, NULL, 0);
	free(daemon->times);
}

static void name_of(uint32_t number, char name[64])
{
	snprintf(name, 64, "/home/somebody/Pictures/%06u.png", number);
}

static void ask(const struct daemon *daemon, const char *line)
{
	size_t length = strlen(line);
	check(send(daemon->socket, line, length, MSG_NOSIGNAL) == (ssize_t)length, "send");
}

/* Reads that many answers, of which none may be an error. */
static void await(struct daemon *daemon, unsigned count)
{
	while (count > 0) {
		ssize_t size = recv(daemon->socket, daemon->data + daemon->length,
			sizeof(daemon->data) - daemon->length - 1, 0);
		check(size > 0, "recv");
		daemon->length += (size_t)size;
		daemon->data[daemon->length] = '\0';
		const char *line = daemon->data, *end;
		while ((end = strchr(line, '\n'))) {
			if (strncmp(line, "OK", 2) != 0) {
				fprintf(stderr, "many: %.*s\n", (int)(end - line), line);
				exit(2);
			}
			line = end + 1;
			count--;
		}
		daemon->length = strlen(line);
		memmove(daemon->data, line, daemon->length);
	}
}

/* Bytes of private memory of a process. */
static uint64_t memory_of(pid_t pid)
{
	char path[64], line[256];
	unsigned long kilobytes = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *file = fopen(path, "re");
	check(file != NULL, path);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "RssAnon: %lu", &kilobytes);
	fclose(file);
	return (uint64_t)kilobytes * 1024;
}

static void load(struct daemon *daemon, uint32_t images, size_t fetches)
{
	char name[64], line[LINE_SIZE];
	daemon->images = images;
	daemon->times = calloc(fetches + BLOCK, sizeof(*daemon->times));
	check(daemon->times != NULL, "calloc");
	daemon->before = memory_of(daemon->pid);
	for (uint32_t i = 0; i < images; i += WINDOW) {
		uint32_t end = images - i < WINDOW ? images : i + WINDOW;
		for (uint32_t j = i; j < end; j++) {
			name_of(j, name);
			snprintf(
				line, sizeof(line), "LOAD path=%s name=%s pin=no\n", picture, name);
			ask(daemon, line);
		}
		await(daemon, end - i);
	}
	daemon->after = memory_of(daemon->pid);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void fetch(struct daemon *daemon)
{
	char name[64], line[LINE_SIZE];
	name_of((uint32_t)random() % daemon->images, name);
	snprintf(line, sizeof(line), "FETCH name=%s\n", name);
	double begin = now();
	ask(daemon, line);
	await(daemon, 1);
	daemon->times[daemon->count++] = now() - begin;
	snprintf(line, sizeof(line), "RELEASE name=%s\n", name);
	ask(daemon, line);
	await(daemon, 1);
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return left < right ? -1 : left > right;
}

static double median(struct daemon *daemon)
{
	qsort(daemon->times, daemon->count, sizeof(*daemon->times), compare);
	return daemon->times[daemon->count / 2];
}

static void write_picture(void)
{
	static const png_byte pixels[SIDE * SIDE];
	png_image image = {.version = PNG_IMAGE_VERSION,
		.width = SIDE,
		.height = SIDE,
		.format = PNG_FORMAT_GRAY};
	snprintf(picture, sizeof(picture), "%s/picture.png", folder);
	check(png_image_write_to_file(&image, picture, 0, pixels, SIDE, NULL), picture);
}

/* A wake-up across processors takes several times what is to be compared. */
static void share_processor(pid_t pid)
{
	static cpu_set_t set;
	if (CPU_COUNT(&set) == 0)
		CPU_SET((size_t)sched_getcpu(), &set);
	check(sched_setaffinity(pid, sizeof(set), &set) == 0, "sched_setaffinity");
}

static int report(struct daemon *few, struct daemon *many)
{
	double a = median(few), b = median(many);
	double each = ((double)many->after - (double)many->before) / many->images;
	printf("images\tFETCH median [us]\tmemory [KiB]\n");
	printf("%u\t%.2f\t%lu\n", few->images, a, (unsigned long)few->after / 1024);
	printf("%u\t%.2f\t%lu (%lu without images)\n", many->images, b,
		(unsigned long)many->after / 1024, (unsigned long)many->before / 1024);
	printf("ratio %.3f (at most %.1f), %.0f bytes an image (at most %.0f)\n", b / a, RATIO_MAX,
		each, IMAGE_BYTES_MAX);
	return b / a <= RATIO_MAX && each <= IMAGE_BYTES_MAX ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct daemon few, many;
	if (argc < 2) {
		fprintf(stderr, "Usage: many SHMIMGD [IMAGES [FETCHES]]\n");
		return 2;
	}
	uint32_t images = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100000;
	size_t fetches = argc > 3 ? strtoul(argv[3], NULL, 10) : 20000;
	check(mkdtemp(folder) != NULL, folder);
	write_picture();
	start(&few, argv[1], "few");
	start(&many, argv[1], "many");
	load(&few, FEW, fetches);
	load(&many, images, fetches);
	share_processor(0);
	share_processor(few.pid);
	share_processor(many.pid);
	while (many.count < fetches) {
		for (int i = 0; i < BLOCK; i++)
			fetch(&few);
		for (int i = 0; i < BLOCK; i++)
			fetch(&many);
	}
	int status = report(&few, &many);
	stop(&few);
	stop(&many);
	unlink(picture);
	rmdir(folder);
	return status;
}
