/*
 * Tests of segments: they have no name until they are published, incomplete ones are refused, who
 * may read them, and whether a decoder has let go of one.
 */
#include <acl/libacl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/protocol/fdpass.h"
#include "daemon/base/random.h"
#include "daemon/instance.h"
#include "daemon/segment/acl.h"
#include "daemon/segment/segment.h"
#include "daemon/segment/shm-folder.h"
#include "tests/unit/unit.h"

static char instance[17];
static char label[4096];
static const struct segment_readers me_alone = {0, SHARE_PRIVATE, 0};

static struct segment_readers readers_me(void)
{
	struct segment_readers readers = me_alone;
	readers.owner = geteuid();
	return readers;
}

/* A header of 10 x 10 pixels for a name of so many bytes, which is in label. */
static struct header plan(uint32_t name_length)
{
	struct header header = {
		.width = 10,
		.height = 10,
		.format = FORMAT_RGB8,
		.orientation = 1,
		.name_length = name_length,
	};
	for (uint32_t i = 0; i < name_length; i++)
		label[i] = (char)('a' + i % 26);
	label[name_length] = '\0';
	assert_int_equal(header_plan(&header, (uint64_t)sysconf(_SC_PAGESIZE)), 0);
	if (header.name_offset < HEADER_SIZE)
		memcpy(header.name, label, name_length);
	header_seal(&header);
	return header;
}

/* Publishes a segment under a new name. */
static int publish(int fd, const struct header *header, char name[SEGMENT_NAME_SIZE])
{
	const struct segment_readers readers = readers_me();
	assert_int_equal(segment_make_name(instance, name), 0);
	return segment_publish(fd, header, label, &readers, name);
}

static int make(const struct header *header)
{
	int fd = segment_create(header->segment_size);
	assert_return_code(fd, -fd);
	assert_return_code(fallocate(fd, 0, 0, (off_t)header->segment_size), errno);
	return fd;
}

static void test_life(void **state)
{
	char name[SEGMENT_NAME_SIZE], prefix[64];
	struct stat status;
	struct deferred_free deferred_free;
	(void)state;
	deferred_free_init(&deferred_free, NULL, "/nowhere/decoder");
	struct header header = plan(3), found;
	int fd = make(&header);
	assert_return_code(fstat(fd, &status), errno);
	assert_int_equal(status.st_nlink, 0);
	assert_int_equal(status.st_size, header.segment_size);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(publish(fd, &header, name), 0);
	assert_return_code(fstat(fd, &status), errno);
	assert_int_equal(status.st_nlink, 1);
	assert_int_equal(status.st_mode & 07777, 0400);
	snprintf(prefix, sizeof(prefix), "/shmimg-%s-", instance);
	assert_memory_equal(name, prefix, strlen(prefix));
	assert_int_equal(strspn(name + strlen(prefix), "0123456789abcdef"), 32);
	assert_int_equal(strlen(name), strlen(prefix) + 32);

	int reader = segment_open(name);
	assert_return_code(reader, -reader);
	assert_int_equal(fcntl(reader, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(pread(reader, &found, sizeof(found), 0), sizeof(found));
	assert_memory_equal(&found, &header, sizeof(found));
	assert_null(header_check(&found, (uint64_t)status.st_size));
	segment_remove(name, "a", 5, &deferred_free);
	assert_int_equal(segment_open(name), -ENOENT);
	assert_return_code(fstat(reader, &status), errno);
	assert_int_equal(status.st_nlink, 0);
	segment_remove(name, "a", 5, &deferred_free); /* does no harm */
	close(reader);
	close(fd);
	deferred_free_stop(&deferred_free);
	deferred_free_destroy(&deferred_free);
}

static void test_names_in_the_header_and_behind(void **state)
{
	static const uint32_t lengths[] = {1, 3583, 3584, 3585, 4000, 4095};
	char name[SEGMENT_NAME_SIZE], found[4096];
	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct header header = plan(lengths[i]), read;
		int fd = make(&header);
		assert_int_equal(publish(fd, &header, name), 0);
		assert_int_equal(pread(fd, &read, sizeof(read), 0), sizeof(read));
		assert_null(header_check(&read, header.segment_size));
		assert_int_equal(read.name_offset < HEADER_SIZE, lengths[i] <= 3584);
		assert_int_equal(pread(fd, found, lengths[i], (off_t)read.name_offset), lengths[i]);
		assert_memory_equal(found, label, lengths[i]);
		shm_unlink(name);
		close(fd);
	}
}

/* Changes of a decoder to its segment; page 0 is written by the daemon. */
static void test_incomplete(void **state)
{
	static const struct {
		off_t reserved; /* bytes less than all */
		off_t size;	/* bytes more than there should be */
		off_t behind;	/* bytes that are reserved behind the end */
		int result;
	} cases[] = {
		{0, 0, 0, 0},
		{4096, 0, 0, -EBADMSG},
		{8192, 0, 0, -EBADMSG},
		{0, 4096, 0, -EBADMSG},
		{0, -4096, 0, -EBADMSG},
		{0, 1, 0, -EBADMSG},
		{0, -8192, 0, -EBADMSG},
		{0, 0, 4 << 20, -EBADMSG},
	};
	char name[SEGMENT_NAME_SIZE];
	(void)state;
	if (sysconf(_SC_PAGESIZE) != 4096)
		skip();
	struct header header = plan(1);
	assert_int_equal(header.segment_size, 8192);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct stat status;
		off_t size = (off_t)header.segment_size;
		int fd = segment_create(header.segment_size);
		if (size > cases[i].reserved)
			assert_return_code(fallocate(fd, 0, 0, size - cases[i].reserved), errno);
		assert_return_code(ftruncate(fd, size + cases[i].size), errno);
		if (cases[i].behind)
			assert_return_code(
				fallocate(fd, FALLOC_FL_KEEP_SIZE, size, cases[i].behind), errno);
		assert_int_equal(publish(fd, &header, name), cases[i].result);
		assert_return_code(fstat(fd, &status), errno);
		assert_int_equal(status.st_nlink, cases[i].result == 0);
		if (cases[i].result == 0)
			shm_unlink(name);
		close(fd);
	}
}

/* Any other way to the segment is noticed, and none is left when it is closed. */
static void test_unshared(void **state)
{
	int pair[2];
	(void)state;
	mode_t mask = umask(0777); /* which must not matter */
	int fd = segment_create(8192);
	assert_return_code(fd, -fd);
	assert_int_equal(segment_is_unshared(fd), 1);
	int writer = segment_open_writer(fd);
	umask(mask);
	assert_return_code(writer, -writer);
	assert_true(fcntl(writer, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(pwrite(writer, "a", 1, 0), 1);
	assert_int_equal(segment_is_unshared(fd), 0);

	int copy = dup(writer);
	close(writer);
	assert_int_equal(segment_is_unshared(fd), 0);
	static const int accesses[] = {PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE};
	for (size_t i = 0; i < COUNT(accesses); i++) {
		void *map = mmap(NULL, 8192, accesses[i], MAP_SHARED, copy, 0);
		assert_ptr_not_equal(map, MAP_FAILED);
		close(copy);
		assert_int_equal(segment_is_unshared(fd), 0);
		munmap(map, 8192);
		assert_int_equal(segment_is_unshared(fd), 1);
		copy = segment_open_writer(fd);
		assert_return_code(copy, -copy);
	}
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), errno);
	assert_int_equal(fdpass_send(pair[0], "a", 1, copy, 0), 1);
	close(copy);
	assert_int_equal(segment_is_unshared(fd), 0);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(segment_is_unshared(fd), 1);
	close(fd);
	assert_int_equal(segment_is_unshared(-1), -EBADF);
	assert_int_equal(segment_open_writer(-1), -EBADF);
}

/* Nobody may open a segment for writing by its mode, before and after the decoder's descriptor. */
static void test_mode_of_nameless(void **state)
{
	struct stat status;
	(void)state;
	int fd = segment_create(4096);
	for (unsigned i = 0; i < 2; i++) {
		assert_return_code(fstat(fd, &status), errno);
		assert_int_equal(status.st_mode & 07777, 0400);
		int writer = segment_open_writer(fd);
		assert_return_code(writer, -writer);
		close(writer);
	}
	close(fd);
}

static void test_bad_sizes(void **state)
{
	(void)state;
	assert_true(segment_create(UINT64_MAX) < 0);
	assert_true(segment_create((uint64_t)INT64_MAX + 1) < 0);
	assert_true(segment_free_space() > 0);
}

/* Whatever has the name of a segment that was removed: it is not opened, and nothing waits. */
static void test_planted_names(void **state)
{
	char name[SEGMENT_NAME_SIZE], path[128];
	struct stat status;
	(void)state;
	signal(SIGIO, SIG_IGN); /* of the lease */
	for (int kind = 0; kind < 5; kind++) {
		if (kind == 3 && geteuid() != 0)
			continue; /* only root can make the file of another user */
		assert_int_equal(segment_make_name(instance, name), 0);
		snprintf(path, sizeof(path), SHM_FOLDER "%s", name);
		int fd = -1;
		if (kind == 0)
			assert_return_code(mkfifo(path, 0600), errno);
		else if (kind == 1)
			assert_return_code(symlink("/dev/null", path), errno);
		else if (kind == 2)
			assert_return_code(mkdir(path, 0700), errno);
		else
			assert_return_code(fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600), errno);
		if (kind == 3)
			assert_return_code(fchown(fd, 4711, 4711), errno);
		if (kind == 4)
			assert_return_code(fcntl(fd, F_SETLEASE, F_WRLCK), errno);
		int opened = shm_folder_open(name, O_RDONLY, &status);
		int segment = segment_open(name);
		assert_return_code(remove(path), errno);
		if (fd >= 0)
			close(fd);
		assert_int_equal(opened, kind == 3 ? -EPERM : -EBADMSG);
		assert_int_equal(segment, -ENOENT);
	}
	assert_int_equal(shm_folder_open(name, O_RDONLY, &status), -ENOENT);
}

static void test_access(void **state)
{
	static const struct {
		int64_t owner; /* -1: the daemon's user */
		enum share share;
		unsigned mode; /* the group's bits are the mask where there is a list */
		const char *list;
	} cases[] = {
		{-1, SHARE_PRIVATE, 0400, "u::r--,g::---,o::---"},
		{4711, SHARE_PRIVATE, 0440, "u::r--,u:4711:r--,g::---,m::r--,o::---"},
		{4711, SHARE_GROUP, 0440, "u::r--,u:4711:r--,g::---,g:4242:r--,m::r--,o::---"},
		{4711, SHARE_ALL, 0444, "u::r--,g::r--,o::r--"},
		{-1, SHARE_ALL, 0444, "u::r--,g::r--,o::r--"},
	};
	(void)state;
	mode_t mask = umask(0777); /* which must not matter */
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct stat status;
		uid_t owner = cases[i].owner < 0 ? geteuid() : (uid_t)cases[i].owner;
		int fd = segment_create(4096);
		assert_int_equal(segment_acl_grant(fd, owner, cases[i].share, 4242), 0);
		assert_return_code(fstat(fd, &status), errno);
		assert_int_equal(status.st_mode & 07777, cases[i].mode);
		acl_t list = acl_get_fd(fd);
		assert_non_null(list);
		char *text = acl_to_any_text(list, NULL, ',', TEXT_ABBREVIATE | TEXT_NUMERIC_IDS);
		assert_string_equal(text, cases[i].list);
		acl_free(text);
		acl_free(list);
		close(fd);
	}
	umask(mask);
	assert_int_equal(segment_acl_grant(-1, 4711, SHARE_PRIVATE, 0), -EBADF);
	assert_int_equal(segment_acl_grant(-1, 4711, SHARE_ALL, 0), -EBADF);
}

static int make_instance(void **state)
{
	(void)state;
	return random_hex(instance, 8);
}

/* Removes what a failed test has left. */
static int clean_instance(void **state)
{
	struct instance left = {.lock = -1};
	(void)state;
	memcpy(left.identity.id, instance, sizeof(left.identity.id));
	instance_clean(&left);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_names_in_the_header_and_behind),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_unshared),
		cmocka_unit_test(test_mode_of_nameless),
		cmocka_unit_test(test_bad_sizes),
		cmocka_unit_test(test_planted_names),
		cmocka_unit_test(test_access),
	};
	return cmocka_run_group_tests(tests, make_instance, clean_instance);
}
