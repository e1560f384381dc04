/*
 * Loading: what is asked of the daemon, with which open file, and what is refused before
 * anything is sent.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fake-image.h"

enum { FILE_SIZE = 10 };

/* Hears a LOAD with the open file, whose size tells which one it is. */
static void load_request(struct fake *fake, void *context)
{
	struct fixture *fixture = context;
	struct stat file = {0};
	int fd;
	fake_handshake(fake);
	fake_hear_with(fake, fixture->request, &fd);
	if (fd < 0 || fstat(fd, &file) < 0 || file.st_size != FILE_SIZE)
		snprintf(fake->fault, sizeof(fake->fault), "no open file came with LOAD");
	close(fd);
	fake_say(fake, fixture->reply);
	fake_hear_end(fake);
}

static void load_by_path(struct fake *fake, void *context)
{
	struct fixture *fixture = context;
	fake_handshake(fake);
	fake_hear(fake, fixture->request);
	fake_say(fake, fixture->reply);
	fake_hear_end(fake);
}

static int make_file(char *path)
{
	int fd = mkstemp(path);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, "0123456789", FILE_SIZE), FILE_SIZE);
	return fd;
}

/* Loads "duck" and expects a request; returns whether it was cached. */
static int load_as(
	struct fixture *fixture, const char *request, const struct shmimg_options *options)
{
	char path[] = "/tmp/shmimg-unit-XXXXXX";
	shmimg_image *image = NULL;
	close(make_file(path));
	fixture->request = request;
	shmimg_client *client = fake_connect(&fixture->fake, load_request, fixture);
	int r = shmimg_load(client, path, "duck", options, &image);
	unlink(path);
	assert_int_equal(r, 0);
	int cached = shmimg_cached(image);
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
	return cached;
}

static void add_to_reply(struct fixture *fixture, const char *text)
{
	size_t end = strlen(fixture->reply) - 1;
	snprintf(fixture->reply + end, sizeof(fixture->reply) - end, "%s\n", text);
}

static void by_path(void **state)
{
	add_to_reply(*state, " cached=no");
	assert_int_equal(load_as(*state, "LOAD source=fd name=duck", NULL), 0);
}

static void from_memory(void **state)
{
	add_to_reply(*state, " cached=yes");
	assert_int_equal(load_as(*state, "LOAD source=fd name=duck", NULL), 1);
}

static void with_options(void **state)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	load_as(*state, "LOAD source=fd name=duck", &options);
	options.format = SHMIMG_RGBA8;
	options.share = SHMIMG_GROUP;
	options.keep = SHMIMG_ATTACHED;
	load_as(*state, "LOAD source=fd name=duck format=RGBA8 share=group keep=attached",
		&options);
	options.format = SHMIMG_NATIVE;
	options.share = SHMIMG_ALL;
	options.keep = SHMIMG_PINNED;
	load_as(*state, "LOAD source=fd name=duck format=native share=all keep=pinned", &options);
}

static void unfollowed(void **state)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.follow = SHMIMG_UNFOLLOW;
	load_as(*state, "LOAD source=fd name=duck watch=no", &options);
}

/* To follow a file its path is sent, the links in its folders resolved. */
static void followed(void **state)
{
	struct fixture *fixture = *state;
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	shmimg_image *image = NULL;
	options.follow = SHMIMG_FOLLOW;
	fixture->request = "LOAD path=/nowhere/duck.png name=duck watch=yes";
	shmimg_client *client = fake_connect(&fixture->fake, load_by_path, fixture);
	assert_int_equal(shmimg_load_fd(client, 0, "duck", &options, &image), -EINVAL);
	assert_string_equal(shmimg_message(client),
		"the daemon cannot follow an open file; load it by its path");
	assert_int_equal(
		shmimg_load(client, "/nowhere/../nowhere/duck.png", "duck", &options, &image), 0);
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
}

/* An owner is for fetching: nobody loads in another's name. */
static void owner_is_not_sent(void **state)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.owner = 4711;
	load_as(*state, "LOAD source=fd name=duck", &options);
}

static void by_descriptor(void **state)
{
	struct fixture *fixture = *state;
	char path[] = "/tmp/shmimg-unit-XXXXXX";
	shmimg_image *image = NULL;
	int fd = make_file(path);
	unlink(path);
	assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
	fixture->request = "LOAD source=fd name=duck";
	shmimg_client *client = fake_connect(&fixture->fake, load_request, fixture);
	assert_int_equal(shmimg_load_fd(client, fd, "duck", NULL, &image), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
	assert_int_equal(close(fd), 0);
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
}

static void named_by_its_path(void **state)
{
	struct fixture *fixture = *state;
	char path[] = "/tmp/shmimg-unit-XXXXXX", request[128];
	shmimg_image *image = NULL;
	close(make_file(path));
	segment_remove(&fixture->segment);
	segment_make(&fixture->segment, path);
	segment_tell(&fixture->segment, fixture->reply, sizeof(fixture->reply));
	snprintf(request, sizeof(request), "LOAD source=fd name=%s", path);
	fixture->request = request;
	shmimg_client *client = fake_connect(&fixture->fake, load_request, fixture);
	int r = shmimg_load(client, path, NULL, NULL, &image);
	unlink(path);
	assert_int_equal(r, 0);
	assert_string_equal(shmimg_name(image), path);
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
}

/* Loads what must be refused without a word to the daemon. */
static void refuse(struct fixture *fixture, const char *path, const char *name, int error)
{
	shmimg_image *image;
	shmimg_client *client = fake_connect(&fixture->fake, fake_handshake_and_wait, NULL);
	assert_int_equal(shmimg_load(client, path, name, NULL, &image), error);
	assert_null(image);
	assert_string_not_equal(shmimg_message(client), "");
	assert_string_equal(shmimg_code(client), "");
	fake_finish(&fixture->fake, client);
}

static void no_file(void **state)
{
	refuse(*state, "/nonexistent/duck.png", NULL, -ENOENT);
	refuse(*state, "", NULL, -EINVAL);
	refuse(*state, "", "duck", -ENOENT);
}

static void no_regular_file(void **state)
{
	refuse(*state, "/tmp", NULL, -EINVAL);
	refuse(*state, "/dev/null", "duck", -EINVAL);
}

/* Opening a FIFO that nobody writes to would wait. */
static void fifo(void **state)
{
	struct fixture *fixture = *state;
	char folder[] = "/tmp/shmimg-unit-XXXXXX", path[64];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/fifo", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse(fixture, path, NULL, -EINVAL);
	unlink(path);
	rmdir(folder);
}

static void bad_names(void **state)
{
	refuse(*state, "/etc/passwd", "", -EINVAL);
	refuse(*state, "/etc/passwd", "a\nb", -EINVAL);
	refuse(*state, "/etc/passwd", "\xff", -EINVAL);
}

static void bad_descriptor(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	shmimg_client *client = fake_connect(&fixture->fake, fake_handshake_and_wait, NULL);
	assert_int_equal(shmimg_load_fd(client, -1, "duck", NULL, &image), -EBADF);
	assert_null(image);
	assert_int_equal(shmimg_load_fd(client, 1000000, "duck", NULL, &image), -EBADF);
	assert_int_equal(shmimg_load_fd(client, ends[0], "duck", NULL, &image), -EINVAL);
	close(ends[0]);
	close(ends[1]);
	fake_finish(&fixture->fake, client);
}

static void daemon_refuses(void **state)
{
	struct fixture *fixture = *state;
	char path[] = "/tmp/shmimg-unit-XXXXXX";
	shmimg_image *image;
	int fd = make_file(path);
	unlink(path);
	fixture->request = "LOAD source=fd name=duck";
	snprintf(fixture->reply, sizeof(fixture->reply),
		"ERR code=not-an-image message=neither%%20JPEG%%20nor%%20PNG\n");
	shmimg_client *client = fake_connect(&fixture->fake, load_request, fixture);
	assert_int_equal(shmimg_load_fd(client, fd, "duck", NULL, &image), -EILSEQ);
	assert_null(image);
	assert_string_equal(shmimg_message(client), "neither JPEG nor PNG");
	assert_string_equal(shmimg_code(client), "not-an-image");
	close(fd);
	fake_finish(&fixture->fake, client);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_path),
		TEST(from_memory),
		TEST(with_options),
		TEST(unfollowed),
		TEST(followed),
		TEST(owner_is_not_sent),
		TEST(by_descriptor),
		TEST(named_by_its_path),
		TEST(no_file),
		TEST(no_regular_file),
		TEST(fifo),
		TEST(bad_names),
		TEST(bad_descriptor),
		TEST(daemon_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
