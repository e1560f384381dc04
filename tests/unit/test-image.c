/*
 * Fetching and mapping: what the caller sees of an image, and that a segment which is not
 * what the daemon promised is never mapped, and its pin given back.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fake-image.h"

static void accessors(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	shmimg_client *client = fixture_fetch(fixture, &image);
	const struct header *header = &fixture->segment.header;
	assert_int_equal(shmimg_width(image), 20);
	assert_int_equal(shmimg_height(image), 10);
	assert_int_equal(shmimg_stride(image), 128);
	assert_int_equal(shmimg_image_format(image), SHMIMG_RGBA8);
	assert_int_equal(shmimg_fourcc(image), 0x34324241);
	assert_int_equal(shmimg_orientation(image), 1);
	assert_int_equal(shmimg_generation(image), header->generation);
	assert_string_equal(shmimg_name(image), "duck");
	assert_int_equal(shmimg_owner(image), 4711);
	assert_int_equal(shmimg_cached(image), 0);
	assert_string_equal(shmimg_segment(image), fixture->segment.name);
	assert_int_equal(shmimg_segment_size(image), header->segment_size);
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
}

static void pixels_outlive_the_connection(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	fake_finish(&fixture->fake, fixture_fetch(fixture, &image));
	const unsigned char *pixels = shmimg_pixels(image);
	assert_int_equal((uintptr_t)pixels % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
	for (uint32_t y = 0; y < 10; y++) {
		for (uint32_t x = 0; x < 80; x++)
			assert_int_equal(pixels[y * shmimg_stride(image) + x], y + 1);
	}
	shmimg_unref(image);
}

static void metadata(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	size_t size = 99;
	fake_finish(&fixture->fake, fixture_fetch(fixture, &image));
	const void *block = shmimg_metadata(image, SHMIMG_ICC, &size);
	assert_int_equal(size, 7);
	assert_memory_equal(block, "profile", 7);
	assert_null(shmimg_metadata(image, SHMIMG_EXIF, &size));
	assert_int_equal(size, 0);
	size = 99;
	assert_null(shmimg_metadata(image, (enum shmimg_metadata)0, &size));
	assert_int_equal(size, 0);
	shmimg_unref(image);
}

static void orientation(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	fixture->segment.header.orientation = 6;
	segment_write(&fixture->segment);
	segment_tell(&fixture->segment, fixture->reply, sizeof(fixture->reply));
	fake_finish(&fixture->fake, fixture_fetch(fixture, &image));
	assert_int_equal(shmimg_orientation(image), 6);
	shmimg_unref(image);
}

/* The name of such an image lies behind its pixels. */
static void long_name(void **state)
{
	struct fixture *fixture = *state;
	char name[4096], request[4200];
	shmimg_image *image;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	segment_remove(&fixture->segment);
	segment_make(&fixture->segment, name);
	segment_tell(&fixture->segment, fixture->reply, sizeof(fixture->reply));
	snprintf(request, sizeof(request), "FETCH name=%s", name);
	fixture->request = request;
	shmimg_client *client = fake_connect(&fixture->fake, fixture_answer, fixture);
	assert_int_equal(shmimg_fetch(client, name, NULL, &image), 0);
	assert_string_equal(shmimg_name(image), name);
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
}

static void mapping_is_read_only(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	fake_finish(&fixture->fake, fixture_fetch(fixture, &image));
	char line[512], address[32];
	snprintf(address, sizeof(address), "%lx-",
		(unsigned long)((uintptr_t)shmimg_pixels(image) -
				fixture->segment.header.pixel_offset));
	FILE *maps = fopen("/proc/self/maps", "re");
	assert_non_null(maps);
	const char *rights = NULL;
	while (!rights && fgets(line, sizeof(line), maps)) {
		if (strncmp(line, address, strlen(address)) == 0)
			rights = strchr(line, ' ');
	}
	fclose(maps);
	assert_non_null(rights);
	assert_memory_equal(rights, " r--s", 5);
	shmimg_unref(image);
}

static void released(struct fake *fake, void *context)
{
	struct fixture *fixture = context;
	fake_handshake(fake);
	fake_hear(fake, fixture->request);
	fake_say(fake, fixture->reply);
	fake_hear(fake, fixture->release);
	fake_say(fake, "OK\n");
	fake_hear(fake, fixture->release);
	fake_say(fake, "ERR code=not-found message=gone\n");
	fake_hear_end(fake);
}

static void release(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	snprintf(fixture->release, sizeof(fixture->release),
		"RELEASE name=duck owner=4711 format=RGBA8 width=20 height=10 generation=%llu",
		(unsigned long long)fixture->segment.header.generation);
	shmimg_client *client = fake_connect(&fixture->fake, released, fixture);
	assert_int_equal(shmimg_fetch(client, "duck", NULL, &image), 0);
	assert_int_equal(shmimg_release(client, image), 0);
	assert_int_equal(shmimg_release(client, image), -ENOENT);
	assert_string_equal(shmimg_message(client), "gone");
	assert_int_equal(*(const unsigned char *)shmimg_pixels(image), 1);
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
}

/* Writes what a test has changed in the header, and expects it to be found. */
static void header_lies(struct fixture *fixture, const char *message)
{
	segment_write(&fixture->segment);
	fixture_refuse(fixture, -EBADMSG, message);
}

static void other_width(void **state)
{
	struct fixture *fixture = *state;
	fixture->segment.header.width = 19;
	header_lies(fixture, "the segment's width differs from the daemon's reply");
}

static void other_height(void **state)
{
	struct fixture *fixture = *state;
	fixture->segment.header.height = 9;
	fixture->segment.header.pixel_size -= 128;
	header_lies(fixture, "the segment's height differs from the daemon's reply");
}

static void other_stride(void **state)
{
	struct fixture *fixture = *state;
	fixture->segment.header.stride = 192;
	fixture->segment.header.pixel_size = 1920;
	fixture->segment.header.blocks[0].offset += 640;
	header_lies(fixture, "the segment's stride differs from the daemon's reply");
}

static void other_format(void **state)
{
	struct fixture *fixture = *state;
	fixture->segment.header.format = FORMAT_BGRA8_PREMUL;
	header_lies(fixture, "the segment's format differs from the daemon's reply");
}

static void other_generation(void **state)
{
	struct fixture *fixture = *state;
	fixture->segment.header.generation++;
	header_lies(fixture, "the segment's generation differs from the daemon's reply");
}

static void other_slot(void **state)
{
	struct fixture *fixture = *state;
	fixture->segment.header.slot++;
	header_lies(fixture, "the segment's slot differs from the daemon's reply");
}

static void other_semaphore(void **state)
{
	struct fixture *fixture = *state;
	fixture->segment.header.semaphore_index++;
	header_lies(fixture, "the segment's semaphore differs from the daemon's reply");
	fixture->segment.header.semaphore_index--;
	fixture->segment.header.semaphore_id = -1;
	header_lies(fixture, "the segment's semaphore differs from the daemon's reply");
}

static void other_orientation(void **state)
{
	struct fixture *fixture = *state;
	fixture->segment.header.orientation = 2;
	header_lies(fixture, "the segment's orientation differs from the daemon's reply");
}

static void other_name(void **state)
{
	struct fixture *fixture = *state;
	memcpy(fixture->segment.header.name, "dock", 4);
	header_lies(fixture, "the segment is of an image with another name");
}

static void longer_name(void **state)
{
	struct fixture *fixture = *state;
	memcpy(fixture->segment.header.name, "ducks", 5);
	fixture->segment.header.name_length = 5;
	header_lies(fixture, "the segment is of an image with another name");
}

static void pixels_off_the_page(void **state)
{
	struct fixture *fixture = *state;
	struct header *header = &fixture->segment.header;
	header->pixel_offset += 64;
	header->blocks[0].offset += 64;
	segment_tell(&fixture->segment, fixture->reply, sizeof(fixture->reply));
	header_lies(fixture, "the segment's pixels do not begin at a page boundary");
}

static int open_segment(const struct fixture *fixture)
{
	int fd = shm_open(fixture->segment.name, O_RDWR, 0);
	assert_return_code(fd, errno);
	return fd;
}

static void checksum_is_wrong(void **state)
{
	struct fixture *fixture = *state;
	int fd = open_segment(fixture);
	assert_int_equal(pwrite(fd, "x", 1, 4000), 1);
	close(fd);
	fixture_refuse(fixture, -EBADMSG, "the header's checksum is wrong");
}

static void truncated_segment(void **state)
{
	struct fixture *fixture = *state;
	int fd = open_segment(fixture);
	assert_int_equal(ftruncate(fd, 4096), 0);
	close(fd);
	fixture_refuse(fixture, -EBADMSG, "the segment's size differs from the daemon's reply");
}

/* Anybody may have made one, and nobody writes to it. */
static void fifo(void **state)
{
	struct fixture *fixture = *state;
	char path[300];
	snprintf(path, sizeof(path), "/dev/shm%s", fixture->segment.name);
	shm_unlink(fixture->segment.name);
	assert_int_equal(mkfifo(path, 0644), 0);
	fixture_refuse(fixture, -EBADMSG, "the segment is not shared memory");
}

static void segment_smaller_than_a_header(void **state)
{
	struct fixture *fixture = *state;
	int fd = open_segment(fixture);
	assert_int_equal(ftruncate(fd, 100), 0);
	close(fd);
	fixture->segment.header.segment_size = 100;
	segment_tell(&fixture->segment, fixture->reply, sizeof(fixture->reply));
	fixture_refuse(fixture, -EBADMSG, "cannot read the segment");
}

static void others_may_write(void **state)
{
	static const mode_t modes[] = {0620, 0602, 0666};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		int fd = open_segment(fixture);
		assert_int_equal(fchmod(fd, modes[i]), 0);
		close(fd);
		fixture_refuse(
			fixture, -EBADMSG, "users other than the daemon can write to the segment");
	}
}

static void others_may_read(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	int fd = open_segment(fixture);
	assert_int_equal(fchmod(fd, 0644), 0);
	close(fd);
	fake_finish(&fixture->fake, fixture_fetch(fixture, &image));
	shmimg_unref(image);
}

static void segment_of_another_user(void **state)
{
	struct fixture *fixture = *state;
	if (geteuid() != 0) {
		print_message("only root can give a segment to another user\n");
		skip();
	}
	int fd = open_segment(fixture);
	assert_int_equal(fchown(fd, 12345, 12345), 0);
	close(fd);
	fixture_refuse(fixture, -EBADMSG, "the segment does not belong to the daemon");
}

/* Without a descriptor to open the segment with, the pin goes back too. */
static void no_descriptor_left(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit limit, none;
	char message[128];
	shmimg_image *image;
	shmimg_client *client = fake_connect(&fixture->fake, fixture_answer_and_release, fixture);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){1, limit.rlim_max}; /* poll(2) wants one */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int r = shmimg_fetch(client, "duck", NULL, &image);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(r, -EMFILE);
	assert_null(image);
	snprintf(message, sizeof(message), "cannot open %s: %s", fixture->segment.name,
		strerror(EMFILE));
	assert_string_equal(shmimg_message(client), message);
	fake_finish(&fixture->fake, client);
}

/* The pin cannot be given back to a daemon that is gone; the first error still tells. */
static void gone_before_the_release(void **state)
{
	struct fixture *fixture = *state;
	fixture->release_reply = NULL;
	fixture->segment.header.slot++;
	header_lies(fixture, "the segment's slot differs from the daemon's reply");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(accessors),
		TEST(pixels_outlive_the_connection),
		TEST(metadata),
		TEST(orientation),
		TEST(long_name),
		TEST(mapping_is_read_only),
		TEST(release),
		TEST(other_width),
		TEST(other_height),
		TEST(other_stride),
		TEST(other_format),
		TEST(other_generation),
		TEST(other_slot),
		TEST(other_semaphore),
		TEST(other_orientation),
		TEST(other_name),
		TEST(longer_name),
		TEST(pixels_off_the_page),
		TEST(checksum_is_wrong),
		TEST(truncated_segment),
		TEST(fifo),
		TEST(segment_smaller_than_a_header),
		TEST(others_may_write),
		TEST(others_may_read),
		TEST(segment_of_another_user),
		TEST(no_descriptor_left),
		TEST(gone_before_the_release),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
