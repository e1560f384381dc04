/*
 * Connecting: a daemon that is not there, is another one, is silent, refuses, or goes
 * before it has answered HELLO.
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

#include "client/include/shmimg.h"
#include "tests/unit/fake-daemon.h"

enum { SHORT = 50 }; /* milliseconds */

/* Plays a script against a connect that must fail with an error. */
static void refuse(struct fake *fake, fake_script *script, const void *context, int error)
{
	union {
		const void *from;
		void *to;
	} any = {.from = context};
	shmimg_client *client;
	fake_start(fake, script, any.to);
	assert_int_equal(shmimg_connect(&client, fake->path, FAKE_TIMEOUT), error);
	assert_null(client);
	fake_finish(fake, NULL);
}

/* Says its context in answer to HELLO. */
static void answer_hello(struct fake *fake, void *text)
{
	fake_hear(fake, "HELLO protocol=1");
	fake_say(fake, text);
}

static void good_handshake(void **state)
{
	shmimg_client *client = fake_connect(*state, fake_handshake_and_wait, NULL);
	assert_string_equal(shmimg_daemon_version(client), "9.8.7");
	assert_string_equal(shmimg_message(client), "");
	assert_string_equal(shmimg_code(client), "");
	fake_finish(*state, client);
}

static void descriptor_is_close_on_exec(void **state)
{
	shmimg_client *client = fake_connect(*state, fake_handshake_and_wait, NULL);
	assert_int_equal(fcntl(shmimg_fd(client), F_GETFD), FD_CLOEXEC);
	fake_finish(*state, client);
}

static void no_socket(void **state)
{
	(void)state;
	shmimg_client *client;
	assert_int_equal(shmimg_connect(&client, "/nonexistent/socket", FAKE_TIMEOUT), -ENOENT);
	assert_null(client);
	assert_int_equal(shmimg_connect(&client, "", FAKE_TIMEOUT), -ENOENT);
}

static void path_too_long(void **state)
{
	(void)state;
	shmimg_client *client;
	char path[109];
	memset(path, 'x', sizeof(path));
	path[108] = '\0';
	assert_int_equal(shmimg_connect(&client, path, FAKE_TIMEOUT), -ENAMETOOLONG);
}

static void nobody_listens(void **state)
{
	(void)state;
	shmimg_client *client;
	char path[] = "/tmp/shmimg-unit-XXXXXX";
	int fd = mkstemp(path);
	assert_return_code(fd, errno);
	close(fd);
	int r = shmimg_connect(&client, path, FAKE_TIMEOUT);
	unlink(path);
	assert_int_equal(r, -ECONNREFUSED);
}

static void socket_of_the_environment(void **state)
{
	struct fake *fake = *state;
	shmimg_client *client;
	fake_start(fake, fake_handshake_and_wait, NULL);
	assert_int_equal(setenv("SHMIMG_SOCKET", fake->path, 1), 0);
	int r = shmimg_connect(&client, NULL, FAKE_TIMEOUT);
	unsetenv("SHMIMG_SOCKET");
	assert_int_equal(r, 0);
	fake_finish(fake, client);
}

static void socket_of_the_user(void **state)
{
	struct fake *fake = *state;
	shmimg_client *client;
	char folder[64], path[80];
	fake_start(fake, fake_handshake_and_wait, NULL);
	snprintf(folder, sizeof(folder), "%s/shmimgd", fake->folder);
	snprintf(path, sizeof(path), "%s/socket", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(symlink(fake->path, path), 0);
	setenv("XDG_RUNTIME_DIR", fake->folder, 1);
	setenv("SHMIMG_SOCKET", "", 1);
	int r = shmimg_connect(&client, NULL, FAKE_TIMEOUT);
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("SHMIMG_SOCKET");
	unlink(path);
	rmdir(folder);
	assert_int_equal(r, 0);
	fake_finish(fake, client);
}

static void no_daemon(struct fake *fake, const char *reply)
{
	refuse(fake, answer_hello, reply, -EPROTO);
}

static void other_protocol(void **state)
{
	no_daemon(*state, "OK protocol=2 version=1 uid=0\n");
}

static void no_protocol(void **state)
{
	no_daemon(*state, "OK version=1 uid=0\n");
}

static void hello_reply_without_uid(void **state)
{
	no_daemon(*state, "OK protocol=1 version=1\n");
}

static void hello_reply_with_a_bad_uid(void **state)
{
	no_daemon(*state, "OK protocol=1 version=1 uid=-1\n");
}

static void version_too_long(void **state)
{
	char text[256];
	snprintf(text, sizeof(text), "OK protocol=1 uid=0 version=%0100d\n", 0);
	no_daemon(*state, text);
}

static void another_server(void **state)
{
	no_daemon(*state, "HTTP/1.1 400 Bad Request\r\n");
}

static void hello_reply_is_a_list(void **state)
{
	no_daemon(*state, "ITEM protocol=1 version=1 uid=0\nOK count=1\n");
}

static void hello_reply_is_a_refusal(void **state)
{
	refuse(*state, answer_hello, "ERR code=busy message=full\n", -EBUSY);
}

/* Says why before the client could ask, and ends the connection. */
static void refuse_at_once(struct fake *fake, void *context)
{
	(void)context;
	fake_say(fake, "ERR code=over-quota message=too%20many\n");
	shutdown(fake->connection, SHUT_RDWR);
}

static void refused_before_the_handshake(void **state)
{
	refuse(*state, refuse_at_once, NULL, -EDQUOT);
}

static void end_at_once(struct fake *fake, void *context)
{
	(void)fake;
	(void)context;
}

static void gone_before_the_handshake(void **state)
{
	refuse(*state, end_at_once, NULL, -ECONNRESET);
}

static void hear_hello_and_wait(struct fake *fake, void *context)
{
	(void)context;
	fake_hear(fake, "HELLO protocol=1");
	fake_hear_end(fake);
}

static void silent_daemon(void **state)
{
	struct fake *fake = *state;
	shmimg_client *client;
	fake_start(fake, hear_hello_and_wait, NULL);
	int64_t start = unit_now();
	assert_int_equal(shmimg_connect(&client, fake->path, SHORT), -ETIMEDOUT);
	assert_in_range(unit_now() - start, SHORT, FAKE_TIMEOUT / 2);
	fake_finish(fake, NULL);
}

/* With its backlog full, connect(2) itself waits. */
static void full_backlog(void **state)
{
	struct fake *fake = *state;
	shmimg_client *client;
	fake_start(fake, fake_handshake_and_wait, NULL);
	assert_int_equal(shmimg_connect(&client, fake->path, FAKE_TIMEOUT), 0);
	assert_return_code(listen(fake->listener, 0), errno);
	shmimg_client *second, *third;
	assert_int_equal(shmimg_connect(&second, fake->path, SHORT), -ETIMEDOUT);
	int64_t start = unit_now();
	assert_int_equal(shmimg_connect(&third, fake->path, SHORT), -ETIMEDOUT);
	assert_in_range(unit_now() - start, SHORT, FAKE_TIMEOUT / 2);
	fake_finish(fake, client);
}

static void closing_nothing(void **state)
{
	(void)state;
	shmimg_close(NULL);
	shmimg_unref(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good_handshake),
		TEST(descriptor_is_close_on_exec),
		TEST(no_socket),
		TEST(path_too_long),
		TEST(nobody_listens),
		TEST(socket_of_the_environment),
		TEST(socket_of_the_user),
		TEST(other_protocol),
		TEST(no_protocol),
		TEST(hello_reply_without_uid),
		TEST(hello_reply_with_a_bad_uid),
		TEST(version_too_long),
		TEST(another_server),
		TEST(hello_reply_is_a_list),
		TEST(hello_reply_is_a_refusal),
		TEST(refused_before_the_handshake),
		TEST(gone_before_the_handshake),
		TEST(silent_daemon),
		TEST(full_backlog),
		TEST(closing_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
