/*
 * Waits for the reports of the kernel or of systemd. The threshold and the pause between two
 * reports are chosen here.
 */
#include "daemon/engine/pressure.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/base/tiny.h"
#include "daemon/log/log.h"

/*
 * Some program waited for memory for a tenth of 2 seconds. That is long before a machine stalls,
 * and longer than reading back a few pages takes. Without CAP_SYS_RESOURCE, the kernel allows
 * only windows of whole multiples of 2 seconds. Its parser needs the NUL.
 */
static const char trigger[] = "some 200000 2000000";

#define PAUSE_USEC UINT64_C(1000000)

enum { DATA_MAX = 256, DISCARD_READS = TINY(16, 1) };

static const char *const words[PRESSURE_KINDS] = {
	[PRESSURE_ENVIRONMENT] = "environment",
	[PRESSURE_CGROUP] = "cgroup",
	[PRESSURE_MACHINE] = "machine",
};

void pressure_describe(const struct pressure *pressure, char *text, size_t size)
{
	size_t length = 0;
	snprintf(text, size, "none");
	for (int i = 0; i < PRESSURE_KINDS; i++) {
		if (pressure->sources[i] && length < size)
			length += (size_t)snprintf(
				text + length, size - length, "%s%s", length ? "," : "", words[i]);
	}
}

static void pressure_set_enabled(const struct pressure *pressure, int enabled)
{
	for (int i = 0; i < PRESSURE_KINDS; i++) {
		if (pressure->sources[i])
			sd_event_source_set_enabled(pressure->sources[i], enabled);
	}
}

static int pressure_on_pause_over(sd_event_source *source, uint64_t usec, void *context)
{
	(void)source;
	(void)usec;
	pressure_set_enabled(context, SD_EVENT_ON);
	return 0;
}

/* Reads the data of a FIFO or socket, which has no meaning. Returns false at its end. */
static bool pressure_discard(int fd)
{
	char data[DATA_MAX];
	for (int i = 0; i < DISCARD_READS; i++) {
		ssize_t count = read(fd, data, sizeof(data));
		if (count < 0)
			return errno == EAGAIN || errno == EINTR;
		if (count == 0)
			return false;
	}
	return true;
}

static void pressure_lose(struct pressure *pressure, const sd_event_source *source)
{
	for (int i = 0; i < PRESSURE_KINDS; i++) {
		if (pressure->sources[i] != source)
			continue;
		log_warning("memory pressure is no longer reported by: %s", words[i]);
		pressure->sources[i] = sd_event_source_disable_unref(pressure->sources[i]);
	}
}

static int pressure_on_event(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct pressure *pressure = context;
	if (events & (EPOLLERR | EPOLLHUP) || (events & EPOLLIN && !pressure_discard(fd))) {
		pressure_lose(pressure, source);
		return 0;
	}
	pressure->count++;
	pressure_set_enabled(pressure, SD_EVENT_OFF);
	sd_event_source_set_time_relative(pressure->pause, PAUSE_USEC);
	sd_event_source_set_enabled(pressure->pause, SD_EVENT_ONESHOT);
	pressure->felt(pressure->context);
	return 0;
}

static int pressure_connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	OWN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* Opens a file, FIFO or socket. *events is the event by which it reports pressure. */
static int pressure_open_watched(const char *path, uint32_t *events)
{
	struct stat status;
	*events = EPOLLIN;
	if (stat(path, &status) < 0)
		return -errno;
	if (S_ISSOCK(status.st_mode))
		return pressure_connect_to(path);
	if (!S_ISFIFO(status.st_mode) && !S_ISREG(status.st_mode))
		return -ENOTSUP;
	if (S_ISREG(status.st_mode))
		*events = EPOLLPRI;
	/* Opened for writing, too: a FIFO without writers would be at its end. */
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int pressure_watch(struct pressure *pressure, enum pressure_kind kind, const char *path,
	const void *data, size_t size)
{
	uint32_t events;
	OWN_FD int fd = pressure_open_watched(path, &events);
	if (fd < 0)
		return fd;
	if (size > 0 && write(fd, data, size) < 0)
		return -errno;
	sd_event_source *source = NULL;
	int r = sd_event_add_io(pressure->event, &source, fd, events, pressure_on_event, pressure);
	if (r < 0)
		return r;
	r = sd_event_source_set_io_fd_own(source, 1);
	if (r < 0) {
		sd_event_source_disable_unref(source);
		return r;
	}
	take_fd(&fd);
	pressure->sources[kind] = source;
	return 0;
}

/* Decodes base64 of RFC 4648, section 4. Returns the number of bytes, or -EINVAL. */
static int pressure_decode(const char *text, unsigned char *data, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t count = strcspn(text, "="), length = 0;
	uint32_t bits = 0;
	if (strlen(text) % 4 != 0 || strlen(text) - count > 2 ||
		text[count + strspn(text + count, "=")])
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		const char *digit = strchr(digits, text[i]);
		if (!digit || length == size)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(digit - digits);
		if (i % 4 > 0)
			data[length++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
	}
	return (int)length;
}

/* Watches the path that the service manager has set, and writes the data that it has set. */
static int pressure_watch_environment(struct pressure *pressure, const char *path)
{
	const char *text = getenv("MEMORY_PRESSURE_WRITE");
	unsigned char data[DATA_MAX];
	int size = 0;
	if (strcmp(path, "/dev/null") == 0)
		return 0;
	if (path[0] != '/')
		return -EINVAL;
	if (text)
		size = pressure_decode(text, data, sizeof(data));
	return size < 0 ? size
			: pressure_watch(pressure, PRESSURE_ENVIRONMENT, path, data, (size_t)size);
}

/* The path of the daemon's group in the unified hierarchy, of cgroups(7), without newline. */
static bool pressure_find_cgroup(char *path, size_t size)
{
	char line[PATH_MAX];
	bool found = false;
	FILE *file = fopen("/proc/self/cgroup", "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(line, "0::/", 4) == 0 && line[4];
	}
	if (file)
		fclose(file);
	return found &&
	       (size_t)snprintf(path, size, "/sys/fs/cgroup%s/memory.pressure", line + 3) < size;
}

/*
 * The control group reports pressure by its own limits. It does not report that other programs
 * wait while the daemon sleeps, so the whole machine is watched, too.
 */
static void pressure_watch_kernel(struct pressure *pressure)
{
	char path[PATH_MAX];
	if (pressure_find_cgroup(path, sizeof(path)))
		pressure_watch(pressure, PRESSURE_CGROUP, path, trigger, sizeof(trigger));
	pressure_watch(
		pressure, PRESSURE_MACHINE, "/proc/pressure/memory", trigger, sizeof(trigger));
}

int pressure_start(
	struct pressure *pressure, sd_event *event, void (*felt)(void *context), void *context)
{
	const char *path = getenv("MEMORY_PRESSURE_WATCH");
	*pressure = (struct pressure){.event = event, .felt = felt, .context = context};
	int r = sd_event_add_time_relative(event, &pressure->pause, CLOCK_MONOTONIC, PAUSE_USEC, 0,
		pressure_on_pause_over, pressure);
	if (r >= 0)
		r = sd_event_source_set_enabled(pressure->pause, SD_EVENT_OFF);
	if (r < 0) {
		pressure_stop(pressure);
		return r;
	}
	if (path && *path) {
		r = pressure_watch_environment(pressure, path);
		if (r < 0)
			log_warning(
				"cannot watch MEMORY_PRESSURE_WATCH=%s: %s", path, strerror(-r));
	} else {
		pressure_watch_kernel(pressure);
	}
	return 0;
}

void pressure_stop(struct pressure *pressure)
{
	for (int i = 0; i < PRESSURE_KINDS; i++)
		pressure->sources[i] = sd_event_source_disable_unref(pressure->sources[i]);
	pressure->pause = sd_event_source_disable_unref(pressure->pause);
}
