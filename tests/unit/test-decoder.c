/*
 * The service of jobs: one job after the other, and what each leaves behind.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/protocol/fault.h"
#include "tests/unit/exif-writer.h"
#include "tests/unit/png-writer.h"
#include "tests/unit/unit.h"

enum { QUIET_MS = 20 };

static struct decoder decoder;
static struct bytes example;
static struct expectation expected;

static int make_example(void **state)
{
	static const struct png_kind kind = {PNG_COLOR_TYPE_RGB, 8, false, false};
	(void)state;
	struct bytes exif = exif_write(6, false, false);
	const struct png_extras extras = {.exif = &exif};
	example = png_write(&kind, 40, 30, &extras, &expected);
	expected.orientation = 6;
	free(exif.data);
	return 0;
}

static int free_example(void **state)
{
	(void)state;
	expectation_end(&expected);
	free(example.data);
	return 0;
}

static int start(void **state)
{
	(void)state;
	decoder_start(&decoder);
	return 0;
}

/* Does nothing if the test has ended the decoder already. */
static int stop(void **state)
{
	(void)state;
	return decoder.channel >= 0 ? decoder_stop(&decoder) : 0;
}

/* Sends a file to decode and receives its header. */
static struct job_header send_example(void)
{
	int fd = file_of(example.data, example.size);
	decoder_send(&decoder, JOB_DECODE, fd);
	close(fd);
	union job_packet packet;
	decoder_expect(&decoder, &packet, JOB_HEADER, JOB_HEADER);
	return packet.header;
}

static void assert_decodes(void)
{
	assert_all_formats(&decoder, &example, &expected);
}

/* Returns 0 if only root may look. A decoder that leaks soon has no descriptor left for a job. */
static unsigned count_fds(void)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)decoder.pid);
	DIR *folder = opendir(path);
	if (!folder && geteuid() != 0 && errno == EACCES)
		return 0;
	assert_non_null(folder);
	unsigned count = 0;
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void ends_with_the_channel(void **state)
{
	(void)state;
	assert_int_equal(decoder_stop(&decoder), 0);
}

static void serves_job_after_job(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_decodes();
}

static void header_is_complete(void **state)
{
	(void)state;
	struct job_header header = send_example();
	decoder_send(&decoder, JOB_REFUSE, -1);
	assert_int_equal(header.width, 30);
	assert_int_equal(header.height, 40);
	assert_int_equal(header.format, FORMAT_RGBA8);
	assert_int_equal(header.native, FORMAT_RGB8);
	assert_int_equal(header.orientation, 6);
	assert_int_equal(header.block_count, 1);
	assert_int_equal(header.blocks[0].type, BLOCK_EXIF);
	assert_string_equal(header.type, "PNG");
}

static void goes_on_after_a_refusal(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		send_example();
		decoder_send(&decoder, JOB_REFUSE, -1);
	}
	assert_decodes();
}

static void goes_on_after_an_error(void **state)
{
	(void)state;
	struct outcome outcome;
	decoder_decode(&decoder, "no image", 8, FORMAT_RGBA8, &outcome);
	assert_refused(&outcome, FAULT_NOT_AN_IMAGE);
	decoder_decode(&decoder, example.data, example.size - 20, FORMAT_RGBA8, &outcome);
	assert_refused(&outcome, FAULT_NOT_AN_IMAGE);
	assert_decodes();
}

static void frees_segments(void **state)
{
	(void)state;
	assert_decodes(); /* what it inherited is closed by now */
	unsigned before = count_fds();
	struct pollfd answer = {.fd = decoder.channel, .events = POLLIN};
	for (int i = 0; i < 3; i++) {
		int fd = segment_of(1 << 20);
		union job_packet packet;
		decoder_send(&decoder, JOB_FREE, fd);
		close(fd);
		assert_int_equal(poll(&answer, 1, QUIET_MS), 0);
		decoder_send(&decoder, JOB_LAST, -1);
		decoder_expect(&decoder, &packet, JOB_DONE, JOB_DONE);
		assert_int_equal(count_fds(), before);
	}
}

static void offset_stays(void **state)
{
	(void)state;
	int fd = file_of(example.data, example.size);
	assert_int_equal(lseek(fd, 7, SEEK_SET), 7);
	decoder_send(&decoder, JOB_DECODE, fd);
	union job_packet packet;
	decoder_expect(&decoder, &packet, JOB_HEADER, JOB_HEADER);
	struct job_segment segment = plan_for(&packet.header);
	int target = segment_of(segment.size);
	decoder_send_segment(&decoder, &segment, target);
	decoder_expect(&decoder, &packet, JOB_DONE, JOB_DONE);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 7);
	assert_int_equal(lseek(target, 0, SEEK_CUR), 0);
	close(target);
	close(fd);
}

static void leaks_no_descriptor(void **state)
{
	(void)state;
	assert_decodes(); /* what it inherited is closed by now */
	unsigned before = count_fds();
	for (int i = 0; i < 200; i++) {
		struct outcome outcome;
		size_t size = example.size - (i % 4 == 1 ? 20 : i % 4 == 2 ? example.size : 0);
		if (i % 4 == 3) {
			send_example();
			decoder_send(&decoder, JOB_REFUSE, -1);
			continue;
		}
		decoder_decode(&decoder, example.data, size, FORMAT_RGBA8, &outcome);
		assert_int_equal(outcome.done, i % 4 == 0);
		outcome_free(&outcome);
	}
	struct outcome outcome;
	decoder_decode(&decoder, "", 0, FORMAT_RGBA8, &outcome);
	assert_int_equal(count_fds(), before);
}

/* The decoder writes only where the daemon says: the rest of the segment stays the same. */
static void writes_nothing_else(void **state)
{
	(void)state;
	struct job_header header = send_example();
	struct job_segment segment = plan_for(&header);
	int fd = segment_of(segment.size);
	uint8_t *map = mmap(NULL, segment.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	memset(map, 0xa5, segment.size);
	decoder_send_segment(&decoder, &segment, fd);
	union job_packet packet;
	decoder_expect(&decoder, &packet, JOB_DONE, JOB_DONE);
	uint64_t block_end = segment.block_offsets[0] + header.blocks[0].size;
	for (uint64_t i = 0; i < segment.size; i++) {
		uint64_t in_row = (i - segment.pixel_offset) % segment.stride;
		bool pixel = i >= segment.pixel_offset && in_row < header.width * 4 &&
			     i < segment.pixel_offset + segment.stride * header.height;
		bool block = i >= segment.block_offsets[0] && i < block_end;
		if (!pixel && !block && map[i] != 0xa5)
			fail_msg("byte %zu was written", (size_t)i);
	}
	munmap(map, segment.size);
	close(fd);
}

static void whole_segment_is_reserved(void **state)
{
	(void)state;
	struct job_header header = send_example();
	struct job_segment segment = plan_for(&header);
	segment.size += 1 << 20;
	int fd = segment_of(segment.size);
	decoder_send_segment(&decoder, &segment, fd);
	union job_packet packet;
	decoder_expect(&decoder, &packet, JOB_DONE, JOB_DONE);
	struct stat status;
	assert_int_equal(fstat(fd, &status), 0);
	assert_true((uint64_t)status.st_blocks * 512 >= segment.size);
	close(fd);
}

/* A segment larger than the limit of shared memory: nothing is reserved. */
static void no_room_is_told(void **state)
{
	(void)state;
	struct job_header header = send_example();
	struct job_segment segment = plan_for(&header);
	segment.size = UINT64_C(1) << 45;
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)segment.size), 0);
	decoder_send_segment(&decoder, &segment, fd);
	union job_packet packet;
	decoder_expect(&decoder, &packet, JOB_ERROR, JOB_ERROR);
	assert_int_equal(packet.error.fault, FAULT_NO_SPACE);
	assert_non_null(strstr(packet.error.message, "35184372088832"));
	struct stat status;
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_blocks, 0);
	close(fd);
	assert_decodes();
}

/* Writing fails when the first page is reserved, before the first row. */
static void assert_sealed_is_refused(struct job_header header)
{
	struct job_segment segment = plan_for(&header);
	int fd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, (off_t)segment.size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	decoder_send_segment(&decoder, &segment, fd);
	union job_packet packet;
	decoder_expect(&decoder, &packet, JOB_ERROR, JOB_ERROR);
	assert_int_equal(packet.error.fault, FAULT_DECODER_FAILED);
	close(fd);
	assert_decodes();
}

static void sealed_segment_is_an_error(void **state)
{
	(void)state;
	assert_sealed_is_refused(send_example());
}

/* A picture whose rows come in the order of the segment. */
static void sealed_segment_is_an_error_to_rows_in_order(void **state)
{
	static const struct png_kind kind = {PNG_COLOR_TYPE_RGB, 8, false, false};
	(void)state;
	struct expectation upright;
	struct bytes file = png_write(&kind, 40, 30, NULL, &upright);
	int fd = file_of(file.data, file.size);
	decoder_send(&decoder, JOB_DECODE, fd);
	close(fd);
	union job_packet packet;
	decoder_expect(&decoder, &packet, JOB_HEADER, JOB_HEADER);
	assert_sealed_is_refused(packet.header);
	expectation_end(&upright);
	free(file.data);
}

static void file_may_shrink_meanwhile(void **state)
{
	(void)state;
	static const struct png_kind kind = {PNG_COLOR_TYPE_RGBA, 16, false, false};
	struct expectation large;
	struct bytes file = png_write(&kind, 300, 300, NULL, &large);
	int fd = file_of(file.data, file.size);
	decoder_send(&decoder, JOB_DECODE, fd);
	union job_packet packet;
	decoder_expect(&decoder, &packet, JOB_HEADER, JOB_HEADER);
	assert_int_equal(ftruncate(fd, 0), 0);
	struct job_segment segment = plan_for(&packet.header);
	int target = segment_of(segment.size);
	decoder_send_segment(&decoder, &segment, target);
	decoder_expect(&decoder, &packet, JOB_ERROR, JOB_ERROR);
	assert_int_equal(packet.error.fault, FAULT_NOT_AN_IMAGE);
	close(target);
	close(fd);
	expectation_end(&large);
	free(file.data);
	assert_decodes();
}

static void what_cannot_be_read_is_an_error(void **state)
{
	(void)state;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	decoder_send(&decoder, JOB_DECODE, fd);
	close(fd);
	union job_packet packet;
	decoder_expect(&decoder, &packet, JOB_ERROR, JOB_ERROR);
	assert_int_equal(packet.error.fault, FAULT_DECODER_FAILED);
	assert_non_null(strstr(packet.error.message, "cannot read"));
}

#define JOB_TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOB_TEST(ends_with_the_channel),
		JOB_TEST(serves_job_after_job),
		JOB_TEST(header_is_complete),
		JOB_TEST(goes_on_after_a_refusal),
		JOB_TEST(goes_on_after_an_error),
		JOB_TEST(frees_segments),
		JOB_TEST(offset_stays),
		JOB_TEST(leaks_no_descriptor),
		JOB_TEST(writes_nothing_else),
		JOB_TEST(whole_segment_is_reserved),
		JOB_TEST(no_room_is_told),
		JOB_TEST(sealed_segment_is_an_error),
		JOB_TEST(sealed_segment_is_an_error_to_rows_in_order),
		JOB_TEST(file_may_shrink_meanwhile),
		JOB_TEST(what_cannot_be_read_is_an_error),
	};
	return cmocka_run_group_tests_name("decoder", tests, make_example, free_example);
}
