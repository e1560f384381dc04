/*
 * Whom a client trusts: whose runtime folder, and whose daemon.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/protocol/peer.h"
#include "client/protocol/runtime.h"

enum { STRANGER = 4321 };

/* The folder of a test, and paths in it. */
struct place {
	char top[32];
	char runtime[48];
	char inner[64]; /* shmimgd in runtime */
	char link[48];
	char socket[80]; /* in inner */
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	strcpy(place->top, "/tmp/shmimg-unit-XXXXXX");
	if (!mkdtemp(place->top))
		return -1;
	snprintf(place->runtime, sizeof(place->runtime), "%s/runtime", place->top);
	snprintf(place->inner, sizeof(place->inner), "%s/shmimgd", place->runtime);
	snprintf(place->link, sizeof(place->link), "%s/link", place->top);
	snprintf(place->socket, sizeof(place->socket), "%s/socket", place->inner);
	*state = place;
	return mkdir(place->runtime, 0700) | mkdir(place->inner, 0700);
}

static int remove_place(void **state)
{
	struct place *place = *state;
	unlink(place->link);
	unlink(place->inner);
	rmdir(place->inner);
	rmdir(place->runtime);
	int r = rmdir(place->top);
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("SHMIMG_TRUST_UID");
	free(place);
	return r;
}

static void expect_own(const char *path)
{
	char fault[RUNTIME_FAULT_SIZE];
	setenv("XDG_RUNTIME_DIR", path, 1);
	const char *found = runtime_folder(fault, sizeof(fault));
	assert_string_equal(fault, "");
	assert_string_equal(found, path);
	assert_non_null(runtime_folder(NULL, 0));
}

/* Expects the folder to be ignored, and the words that say so. */
static void expect_ignored(const char *path, const char *words)
{
	char fault[RUNTIME_FAULT_SIZE];
	setenv("XDG_RUNTIME_DIR", path, 1);
	assert_null(runtime_folder(fault, sizeof(fault)));
	assert_non_null(strstr(fault, path));
	assert_non_null(strstr(fault, "ignored"));
	assert_non_null(strstr(fault, words));
	assert_null(runtime_folder(NULL, 0));
}

static void no_runtime_folder(void **state)
{
	char fault[RUNTIME_FAULT_SIZE] = "x";
	(void)state;
	unsetenv("XDG_RUNTIME_DIR");
	assert_null(runtime_folder(fault, sizeof(fault)));
	assert_string_equal(fault, "");
	setenv("XDG_RUNTIME_DIR", "", 1);
	assert_null(runtime_folder(fault, sizeof(fault)));
	assert_string_equal(fault, "");
}

static void own_runtime_folder(void **state)
{
	struct place *place = *state;
	char slashes[64];
	expect_own(place->runtime);
	snprintf(slashes, sizeof(slashes), "%s//", place->runtime);
	expect_own(slashes);
	assert_return_code(chmod(place->runtime, 0755), errno);
	expect_own(place->runtime);
	assert_return_code(rmdir(place->inner), errno);
	expect_own(place->runtime);
}

static void no_folder_at_the_path(void **state)
{
	struct place *place = *state;
	expect_ignored("run", "not an absolute path");
	expect_ignored("/dev/null", "is not a folder");
	expect_ignored("/dev/null/run", "cannot be examined");
	expect_ignored("/nonexistent", "does not exist");
	char text[5000];
	memset(text, '/', sizeof(text));
	text[4999] = '\0';
	char fault[RUNTIME_FAULT_SIZE];
	setenv("XDG_RUNTIME_DIR", text, 1);
	assert_null(runtime_folder(fault, sizeof(fault)));
	assert_int_equal(symlink(place->runtime, place->link), 0);
	expect_ignored(place->link, "is a symbolic link");
	snprintf(text, sizeof(text), "%s/", place->link);
	expect_ignored(text, "is a symbolic link");
}

static void folder_that_others_can_write(void **state)
{
	struct place *place = *state;
	static const mode_t modes[] = {0720, 0702, 01777, 0770};
	for (size_t i = 0; i < COUNT(modes); i++) {
		assert_return_code(chmod(place->runtime, modes[i]), errno);
		expect_ignored(place->runtime, "can be written by other users");
		assert_return_code(chmod(place->runtime, 0700), errno);
		assert_return_code(chmod(place->inner, modes[i]), errno);
		expect_ignored(place->runtime, "shmimgd can be written by other users");
		assert_return_code(chmod(place->inner, 0700), errno);
		expect_own(place->runtime);
	}
}

static void subfolder_that_is_none(void **state)
{
	struct place *place = *state;
	assert_return_code(rmdir(place->inner), errno);
	assert_int_equal(symlink("/", place->inner), 0);
	expect_ignored(place->runtime, "shmimgd is a symbolic link");
	assert_return_code(unlink(place->inner), errno);
	int fd = open(place->inner, O_CREAT | O_EXCL | O_WRONLY, 0600);
	assert_return_code(fd, errno);
	close(fd);
	expect_ignored(place->runtime, "shmimgd is not a folder");
}

static void folder_of_another_user(void **state)
{
	struct place *place = *state;
	if (geteuid() != 0) {
		expect_ignored("/", "belongs to another user (uid 0)");
		return;
	}
	assert_return_code(chown(place->inner, STRANGER, 0), errno);
	expect_ignored(place->runtime, "shmimgd belongs to another user (uid 4321)");
	assert_return_code(chown(place->inner, 0, 0), errno);
	assert_return_code(chown(place->runtime, STRANGER, 0), errno);
	expect_ignored(place->runtime, "belongs to another user (uid 4321)");
}

static void oneself_and_root_are_trusted(void **state)
{
	struct place *place = *state;
	assert_true(peer_is_trusted(geteuid(), place->socket));
	assert_true(peer_is_trusted(0, place->socket));
	assert_true(peer_is_trusted(0, "/tmp/x"));
	assert_true(peer_is_trusted(geteuid(), "socket"));
	assert_false(peer_is_trusted(STRANGER, place->socket));
	assert_false(peer_is_trusted(STRANGER, "/tmp/x"));
	assert_false(peer_is_trusted(STRANGER, "/x"));
	assert_false(peer_is_trusted(STRANGER, "x"));
	assert_false(peer_is_trusted(STRANGER, "/nonexistent/x"));
	assert_false(peer_is_trusted(UINT32_MAX, place->socket));
}

static void named_user(void **state)
{
	static const char *const others[] = {"", "4320", "43210", "-1", "x", "4321 ", "0x10e1"};
	struct place *place = *state;
	setenv("SHMIMG_TRUST_UID", "4321", 1);
	assert_true(peer_is_trusted(STRANGER, place->socket));
	assert_false(peer_is_trusted(STRANGER + 1, place->socket));
	for (size_t i = 0; i < COUNT(others); i++) {
		setenv("SHMIMG_TRUST_UID", others[i], 1);
		assert_false(peer_is_trusted(STRANGER, place->socket));
	}
	setenv("SHMIMG_TRUST_UID", "4294967295", 1);
	assert_false(peer_is_trusted(UINT32_MAX, place->socket));
}

/* The owners and modes of top, runtime and inner; and whether the owner of inner is trusted. */
struct given {
	uid_t top;
	mode_t top_mode;
	uid_t runtime;
	mode_t runtime_mode;
	uid_t inner;
	mode_t inner_mode;
	bool trusted;
};

static const struct given GIVEN[] = {
	{0, 0755, 0, 0755, STRANGER, 0755, true},
	{0, 0755, 0, 0700, STRANGER, 0700, true},
	{0, 01777, 0, 0755, STRANGER, 0755, true},
	/* It may have made the folder itself. */
	{0, 0755, 0, 01777, STRANGER, 0755, false},
	{0, 0755, STRANGER, 0755, STRANGER, 0755, false},
	{STRANGER, 0755, 0, 0755, STRANGER, 0755, false},
	/* Others can exchange a folder. */
	{0, 0777, 0, 0755, STRANGER, 0755, false},
	{0, 0755, 0, 0775, STRANGER, 0755, false},
	{STRANGER + 1, 0755, 0, 0755, STRANGER, 0755, false},
	{0, 0755, STRANGER + 1, 0755, STRANGER, 0755, false},
	/* Others can make the socket. */
	{0, 0755, 0, 0755, STRANGER, 0775, false},
	{0, 0755, 0, 0755, STRANGER, 0757, false},
	{0, 0755, 0, 0755, STRANGER, 01777, false},
	/* It is somebody else's. */
	{0, 0755, 0, 0755, 0, 0755, false},
	{0, 0755, 0, 0755, STRANGER + 1, 0755, false},
};

static void folder_that_was_given(void **state)
{
	struct place *place = *state;
	if (geteuid() != 0) {
		print_message("only root can give a folder away\n");
		skip();
	}
	for (size_t i = 0; i < COUNT(GIVEN); i++) {
		const struct given *given = &GIVEN[i];
		assert_return_code(chown(place->top, given->top, 0), errno);
		assert_return_code(chmod(place->top, given->top_mode), errno);
		assert_return_code(chown(place->runtime, given->runtime, 0), errno);
		assert_return_code(chmod(place->runtime, given->runtime_mode), errno);
		assert_return_code(chown(place->inner, given->inner, 0), errno);
		assert_return_code(chmod(place->inner, given->inner_mode), errno);
		if (peer_is_trusted(STRANGER, place->socket) != given->trusted)
			fail_msg("line %zu of the table", i);
	}
}

static void ways_to_a_folder_that_was_given(void **state)
{
	struct place *place = *state;
	char path[128];
	if (geteuid() != 0) {
		print_message("only root can give a folder away\n");
		skip();
	}
	assert_return_code(chown(place->inner, STRANGER, 0), errno);
	assert_true(peer_is_trusted(STRANGER, place->socket));
	snprintf(path, sizeof(path), "/%s/../runtime/./shmimgd/socket", place->runtime);
	assert_true(peer_is_trusted(STRANGER, path));
	assert_int_equal(symlink(place->runtime, place->link), 0);
	snprintf(path, sizeof(path), "%s/shmimgd/socket", place->link);
	assert_false(peer_is_trusted(STRANGER, path));
	assert_return_code(chdir(place->runtime), errno);
	assert_true(peer_is_trusted(STRANGER, "shmimgd/socket"));
	assert_return_code(chdir("/"), errno);
	assert_false(peer_is_trusted(STRANGER, "shmimgd/socket"));
	assert_int_equal(unlink(place->link), 0);
	assert_int_equal(symlink(place->inner, place->link), 0);
	snprintf(path, sizeof(path), "%s/socket", place->link);
	assert_false(peer_is_trusted(STRANGER, path));
	snprintf(path, sizeof(path), "%s//socket", place->link);
	assert_false(peer_is_trusted(STRANGER, path));
}

static void the_peer_of_a_socket(void **state)
{
	(void)state;
	int fds[2];
	uid_t uid = STRANGER;
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), errno);
	assert_int_equal(peer_check(fds[0], "/tmp/x", &uid), 0);
	assert_int_equal(uid, geteuid());
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(peer_check(fds[0], "/tmp/x", &uid), -EBADF);
	assert_int_equal(peer_find("/nonexistent/socket", &uid), -ENOENT);
	char path[200];
	memset(path, 'x', sizeof(path));
	path[199] = '\0';
	assert_int_equal(peer_find(path, &uid), -ENAMETOOLONG);
}

static void words_for_a_stranger(void **state)
{
	(void)state;
	char text[PEER_FAULT_SIZE];
	peer_explain(STRANGER, "/tmp/x", text, sizeof(text));
	assert_non_null(strstr(text, "/tmp/x runs as user 4321"));
	assert_non_null(strstr(text, "SHMIMG_TRUST_UID=4321"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_runtime_folder),
		TEST(own_runtime_folder),
		TEST(no_folder_at_the_path),
		TEST(folder_that_others_can_write),
		TEST(subfolder_that_is_none),
		TEST(folder_of_another_user),
		TEST(oneself_and_root_are_trusted),
		TEST(named_user),
		TEST(folder_that_was_given),
		TEST(ways_to_a_folder_that_was_given),
		TEST(the_peer_of_a_socket),
		TEST(words_for_a_stranger),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
