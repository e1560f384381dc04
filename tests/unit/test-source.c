/*
 * Tests of the files to decode: which paths are opened for which user, which descriptors are valid,
 * and the identity of files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/file/source.h"
#include "tests/unit/unit.h"

/* Removed in reverse order, so each before its folder. */
static const struct {
	const char *name;
	mode_t mode; /* with the type */
	const char *target;
} tree[] = {
	{"", S_IFDIR | 0755, NULL},
	{"file", S_IFREG | 0644, NULL},
	{"secret", S_IFREG | 0640, NULL},
	{"fifo", S_IFIFO | 0666, NULL},
	{"link", S_IFLNK, "file"},
	{"dangling", S_IFLNK, "nowhere"},
	{"loop", S_IFLNK, "loop"},
	{"open", S_IFDIR | 0711, NULL},
	{"open/file", S_IFREG | 0644, NULL},
	{"open/odd", S_IFREG | 0604, NULL},
	{"closed", S_IFDIR | 0750, NULL},
	{"closed/file", S_IFREG | 0644, NULL},
	{"folder", S_IFLNK, "open"},
};

static struct close_queues close_queues;
static struct close_queue *close_queue;

static char folder[] = "/tmp/shmimg-source-XXXXXX";

static void make(const char *path, mode_t mode, const char *target)
{
	if (S_ISLNK(mode)) {
		assert_return_code(symlink(target, path), errno);
		return;
	}
	if (S_ISDIR(mode)) {
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	} else {
		assert_return_code(mknod(path, mode, 0), errno);
	}
	assert_return_code(chmod(path, mode & 07777), errno);
}

static int make_tree(void **state)
{
	char path[128];
	(void)state;
	sd_event *event;
	assert_return_code(sd_event_new(&event), errno);
	assert_return_code(close_queues_init(&close_queues, event), errno);
	close_queue = close_queue_join(&close_queues, geteuid());
	assert_non_null(close_queue);
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < COUNT(tree); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, tree[i].name);
		make(path, tree[i].mode, tree[i].target);
	}
	return 0;
}

static int remove_tree(void **state)
{
	char path[128];
	(void)state;
	sd_event *event = close_queues.event;
	close_queue_leave(close_queue);
	close_queues_stop(&close_queues);
	sd_event_unref(event);
	for (size_t i = COUNT(tree); i > 0; i--) {
		snprintf(path, sizeof(path), "%s/%s", folder, tree[i - 1].name);
		remove(path);
	}
	return access(folder, F_OK) == 0;
}

/* Results for a path in the folder: in a daemon of the same user, and of another user. */
static const struct {
	const char *path;
	enum fault own;
	enum fault others;
} cases[] = {
	{"file", FAULT_NONE, FAULT_NONE},
	{"open/file", FAULT_NONE, FAULT_NONE},
	{"open//file", FAULT_INVALID_ARGUMENT, FAULT_INVALID_ARGUMENT},
	{"open/./file", FAULT_INVALID_ARGUMENT, FAULT_INVALID_ARGUMENT},
	{"open/../file", FAULT_INVALID_ARGUMENT, FAULT_INVALID_ARGUMENT},
	{"file/", FAULT_INVALID_ARGUMENT, FAULT_INVALID_ARGUMENT},
	{"file/.", FAULT_INVALID_ARGUMENT, FAULT_INVALID_ARGUMENT},
	{"open/..", FAULT_INVALID_ARGUMENT, FAULT_INVALID_ARGUMENT},
	{"open/...", FAULT_NOT_FOUND, FAULT_NOT_FOUND},
	{"open/.file", FAULT_NOT_FOUND, FAULT_NOT_FOUND},
	{"open/..file", FAULT_NOT_FOUND, FAULT_NOT_FOUND},
	{"secret", FAULT_NONE, FAULT_NO_PERMISSION},
	{"closed/file", FAULT_NONE, FAULT_NO_PERMISSION},
	{"closed/missing", FAULT_NOT_FOUND, FAULT_NO_PERMISSION},
	{"link", FAULT_NONE, FAULT_NO_PERMISSION},
	{"folder/file", FAULT_NONE, FAULT_NO_PERMISSION},
	{"dangling", FAULT_NOT_FOUND, FAULT_NO_PERMISSION},
	{"loop", FAULT_NO_PERMISSION, FAULT_NO_PERMISSION},
	{"open/odd", FAULT_NONE, FAULT_NO_PERMISSION},
	{"missing", FAULT_NOT_FOUND, FAULT_NOT_FOUND},
	{"missing/file", FAULT_NOT_FOUND, FAULT_NOT_FOUND},
	{"file/file", FAULT_NOT_FOUND, FAULT_NOT_FOUND},
	{"fifo", FAULT_INVALID_ARGUMENT, FAULT_INVALID_ARGUMENT},
	{"open", FAULT_INVALID_ARGUMENT, FAULT_INVALID_ARGUMENT},
	{"", FAULT_INVALID_ARGUMENT, FAULT_INVALID_ARGUMENT},
	{"/../../../dev/null", FAULT_INVALID_ARGUMENT, FAULT_INVALID_ARGUMENT},
};

static void expect(const char *path, uid_t uid, enum fault expected)
{
	struct credentials who = {.uid = uid};
	enum fault fault = FAULT_NONE;
	const char *message = NULL;
	int fd = source_open(path, &who, close_queue, &fault, &message);
	if (fault != expected || (fd >= 0) != (expected == FAULT_NONE))
		fail_msg("%s for %u: %d, %s, not %s", path, uid, fd, fault_to_string(fault),
			fault_to_string(expected));
	assert_int_equal(message == NULL, expected == FAULT_NONE);
	if (fd < 0)
		return;
	assert_int_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH), O_RDONLY);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void test_paths(void **state)
{
	char path[128];
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, cases[i].path);
		expect(path, geteuid(), cases[i].own);
		expect(path, geteuid() + 1, cases[i].others);
	}
}

static void test_strange_paths(void **state)
{
	static char long_part[512] = "/", long_path[8192];
	(void)state;
	memset(long_part + 1, 'x', 300);
	memset(long_path, '/', sizeof(long_path) - 1);
	const struct {
		const char *path;
		enum fault fault;
	} strange[] = {
		{"", FAULT_INVALID_ARGUMENT},
		{"file", FAULT_INVALID_ARGUMENT},
		{"../file", FAULT_INVALID_ARGUMENT},
		{"~/file", FAULT_INVALID_ARGUMENT},
		{"/", FAULT_INVALID_ARGUMENT},
		{"/dev/null", FAULT_INVALID_ARGUMENT},
		{"/dev/zero", FAULT_INVALID_ARGUMENT},
		{long_part, FAULT_INVALID_ARGUMENT},
		{long_path, FAULT_INVALID_ARGUMENT},
	};
	for (size_t i = 0; i < COUNT(strange); i++) {
		expect(strange[i].path, geteuid(), strange[i].fault);
		expect(strange[i].path, geteuid() + 1, strange[i].fault);
	}
}

/* "/", then count times a part. */
static void repeat(char *path, const char *part, unsigned count)
{
	strcpy(path, "/");
	for (unsigned i = 0; i < count; i++)
		path = stpcpy(path + strlen(path), part);
}

/* Paths at the limits and beyond: how long, and how many parts. */
static void test_limits(void **state)
{
	static const struct {
		const char *part;
		unsigned count;
		const char *end;
		const char *message; /* what is in it; NULL: the path is looked for */
	} limits[] = {
		{"x/", 127, "y", NULL},
		{"x/", 128, "y", "128 parts"},
		{"x/", 2000, "y", "128 parts"},
		{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/", 127, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL},
		{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/", 127, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
			"4095 bytes"},
		{"./", 8000, "x", "4095 bytes"},
		{"proc/../", 1900, "x", "4095 bytes"},
		{"proc/../", 10, "x", "realpath"},
		{"./", 1, "x", "realpath"},
		{"/", 1, "x", "realpath"},
	};
	static char path[16384];
	(void)state;
	for (size_t i = 0; i < 2 * COUNT(limits); i++) {
		struct credentials who = {.uid = geteuid() + (uid_t)(i % 2)};
		enum fault fault = FAULT_NONE;
		const char *message = NULL, *expected = limits[i / 2].message;
		repeat(path, limits[i / 2].part, limits[i / 2].count);
		strcat(path, limits[i / 2].end);
		assert_int_equal(source_open(path, &who, close_queue, &fault, &message), -1);
		assert_int_equal(fault, expected ? FAULT_INVALID_ARGUMENT : FAULT_NOT_FOUND);
		assert_non_null(strstr(message, expected ? expected : "no such file"));
	}
}

static void test_descriptors(void **state)
{
	char path[128];
	int pipes[2], sockets[2];
	const char *message;
	(void)state;
	snprintf(path, sizeof(path), "%s/file", folder);
	assert_return_code(pipe(pipes), errno);
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), errno);
	const struct {
		int fd;
		enum fault fault;
	} given[] = {
		{open(path, O_RDONLY), FAULT_NONE},
		{open(path, O_RDWR), FAULT_NONE},
		{open(path, O_RDWR | O_APPEND), FAULT_NONE},
		{open(path, O_WRONLY), FAULT_INVALID_ARGUMENT},
		{open(path, O_PATH), FAULT_INVALID_ARGUMENT},
		{open(folder, O_RDONLY), FAULT_INVALID_ARGUMENT},
		{open("/dev/null", O_RDONLY), FAULT_INVALID_ARGUMENT},
		{pipes[0], FAULT_INVALID_ARGUMENT},
		{pipes[1], FAULT_INVALID_ARGUMENT},
		{sockets[0], FAULT_INVALID_ARGUMENT},
		{sockets[1], FAULT_INVALID_ARGUMENT},
	};
	for (size_t i = 0; i < COUNT(given); i++) {
		assert_return_code(given[i].fd, errno);
		message = NULL;
		assert_int_equal(source_check(given[i].fd, &message), given[i].fault);
		assert_int_equal(message == NULL, given[i].fault == FAULT_NONE);
		close(given[i].fd);
	}
	assert_int_equal(source_check(-1, &message), FAULT_INVALID_ARGUMENT);
}

static void test_identity(void **state)
{
	char path[128];
	struct header_source first, again, changed;
	struct stat status;
	(void)state;
	snprintf(path, sizeof(path), "%s/file", folder);
	int fd = open(path, O_RDWR);
	assert_return_code(fstat(fd, &status), errno);
	assert_int_equal(source_identify(fd, &first), 0);
	assert_int_equal(first.device, status.st_dev);
	assert_int_equal(first.inode, status.st_ino);
	assert_int_equal(first.size, status.st_size);
	assert_int_equal(first.mtime_seconds, status.st_mtim.tv_sec);
	assert_int_equal(first.mtime_nanoseconds, status.st_mtim.tv_nsec);
	assert_int_equal(first.ctime_seconds, status.st_ctim.tv_sec);
	assert_int_equal(first.ctime_nanoseconds, status.st_ctim.tv_nsec);
	assert_int_equal(source_identify(fd, &again), 0);
	assert_true(header_source_equal(&first, &again));
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(source_identify(fd, &changed), 0);
	assert_false(header_source_equal(&first, &changed));
	close(fd);
	assert_int_equal(source_identify(fd, &changed), -EBADF);
}

static void test_each_part_of_identity(void **state)
{
	const struct header_source a = {1, 2, 3, 4, 5, 6, 7};
	const struct header_source others[] = {
		{9, 2, 3, 4, 5, 6, 7},
		{1, 9, 3, 4, 5, 6, 7},
		{1, 2, 9, 4, 5, 6, 7},
		{1, 2, 3, 9, 5, 6, 7},
		{1, 2, 3, 4, 9, 6, 7},
		{1, 2, 3, 4, 5, 9, 7},
		{1, 2, 3, 4, 5, 6, 9},
	};
	(void)state;
	assert_true(header_source_equal(&a, &(struct header_source){1, 2, 3, 4, 5, 6, 7}));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(header_source_equal(&a, &others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_strange_paths),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_each_part_of_identity),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
