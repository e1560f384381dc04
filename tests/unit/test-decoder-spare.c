/*
 * The decoder with a spare: it decodes into the mapping of a filled spare only, fills other
 * segments as usual, and reports a spare that it cannot fill.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/job/channel.h"
#include "tests/unit/exif-writer.h"
#include "tests/unit/jpeg-writer.h"
#include "tests/unit/unit.h"

enum { WIDTH = 613, HEIGHT = 401, MORE = 12345, HUGE_SIZE = 256 << 20, PATIENCE_MS = 120000 };

static struct decoder decoder;

static int start(void **state)
{
	(void)state;
	decoder_start(&decoder);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	assert_int_equal(decoder_stop(&decoder), 0);
	return 0;
}

/* A photograph in one of the eight orientations, and its expected pixels. */
static struct bytes make_file(unsigned orientation, struct expectation *expected)
{
	struct bytes exif = exif_write(orientation, false, false);
	const struct jpeg_extras extras = {.exif = orientation > 1 ? &exif : NULL};
	struct bytes file = jpeg_write(&jpeg_kinds[0], WIDTH, HEIGHT, &extras);
	jpeg_expect(&file, expected);
	expected->orientation = orientation;
	free(exif.data);
	return file;
}

static void give_spare(int fd, uint64_t size)
{
	const union job_packet packet = {.spare = {.kind = JOB_SPARE, .size = size}};
	assert_int_equal(channel_send(decoder.channel, &packet, fd), 0);
}

static uint64_t bytes_of(int fd)
{
	struct stat status;
	assert_return_code(fstat(fd, &status), errno);
	return (uint64_t)status.st_blocks * 512;
}

/* No packet reports that. The file of the spare shows it. */
static void await_bytes(int fd, uint64_t bytes)
{
	int64_t end = unit_now() + PATIENCE_MS;
	while (bytes_of(fd) < bytes) {
		assert_true(unit_now() < end);
		usleep(1000);
	}
}

/* Asks for a file, and returns the layout of its segment, which will be the spare. */
static void ask(const struct bytes *file, enum format format, struct outcome *outcome)
{
	const union job_packet order = {.decode = {.kind = JOB_DECODE, .format = format}};
	union job_packet packet;
	int fd = file_of(file->data, file->size);
	assert_int_equal(channel_send(decoder.channel, &order, fd), 0);
	close(fd);
	decoder_expect(&decoder, &packet, JOB_HEADER, JOB_HEADER);
	*outcome = (struct outcome){.done = true, .header = packet.header};
	outcome->segment = plan_for(&packet.header);
	outcome->segment.spare = 1;
}

/* Lets the decoder fill a segment, and checks the file that should have the pixels. */
static void check(
	struct outcome *outcome, int segment, int pixels, const struct expectation *expected)
{
	union job_packet packet;
	decoder_send_segment(&decoder, &outcome->segment, segment);
	decoder_expect(&decoder, &packet, JOB_DONE, JOB_DONE);
	outcome->map = mmap(NULL, outcome->segment.size, PROT_READ, MAP_SHARED, pixels, 0);
	assert_ptr_not_equal(outcome->map, MAP_FAILED);
	assert_picture(outcome, expected);
	outcome_free(outcome);
}

/*
 * The descriptor of the segment is that of another file here. If the pixels are in the spare
 * nevertheless, they were written through its mapping.
 */
static void check_by_mapping(int spare, struct outcome *outcome, const struct expectation *expected)
{
	int other = segment_of(outcome->segment.size);
	assert_return_code(ftruncate(spare, (off_t)outcome->segment.size), errno);
	check(outcome, other, spare, expected);
	close(other);
}

static void what_is_ready_is_used(void **state)
{
	(void)state;
	for (unsigned orientation = 1; orientation <= 8; orientation++) {
		for (enum format format = FORMAT_NATIVE + 1; format < FORMAT_COUNT; format++) {
			struct expectation expected;
			struct outcome outcome;
			struct bytes file = make_file(orientation, &expected);
			uint64_t size = (uint64_t)WIDTH * HEIGHT * 8 * 3 / 2 + MORE;
			int spare = segment_of(size);
			give_spare(spare, size);
			await_bytes(spare, size);
			ask(&file, format, &outcome);
			check_by_mapping(spare, &outcome, &expected);
			close(spare);
			expectation_end(&expected);
			free(file.data);
		}
	}
}

/* Another job comes first and leaves the spare. The spare is used once only. */
static void it_waits_and_is_used_once(void **state)
{
	struct expectation expected;
	struct outcome outcome;
	struct bytes file = make_file(1, &expected);
	uint64_t size = 4 << 20;
	int spare = segment_of(size);
	(void)state;
	give_spare(spare, size);
	await_bytes(spare, size);
	decoder_decode(&decoder, file.data, file.size, FORMAT_RGB8, &outcome);
	assert_done(&outcome);
	outcome_free(&outcome);
	ask(&file, FORMAT_RGBA8, &outcome);
	check_by_mapping(spare, &outcome, &expected);
	close(spare);
	ask(&file, FORMAT_RGBA8, &outcome);
	int segment = segment_of(outcome.segment.size);
	check(&outcome, segment, segment, &expected);
	close(segment);
	expectation_end(&expected);
	free(file.data);
}

/* A job that comes while the spare is filled waits for one piece at most. */
static void what_is_not_ready_is_filled(void **state)
{
	struct expectation expected;
	struct bytes file = make_file(1, &expected);
	(void)state;
	for (unsigned begun = 0; begun <= 1; begun++) {
		struct outcome outcome;
		int spare = segment_of(HUGE_SIZE);
		give_spare(spare, HUGE_SIZE);
		await_bytes(spare, begun);
		ask(&file, FORMAT_RGBA8, &outcome);
		assert_true(bytes_of(spare) < HUGE_SIZE);
		assert_return_code(ftruncate(spare, (off_t)outcome.segment.size), errno);
		check(&outcome, spare, spare, &expected);
		assert_true(bytes_of(spare) >= outcome.segment.size);
		close(spare);
	}
	expectation_end(&expected);
	free(file.data);
}

/* A later spare replaces an earlier one, which is unmapped. */
static void a_later_one_counts(void **state)
{
	struct expectation expected;
	struct outcome outcome;
	struct bytes file = make_file(1, &expected);
	uint64_t size = 4 << 20;
	int first = segment_of(size), second = segment_of(2 * size);
	(void)state;
	give_spare(first, size);
	await_bytes(first, size);
	give_spare(second, 2 * size);
	await_bytes(second, 2 * size);
	ask(&file, FORMAT_RGBA8, &outcome);
	check_by_mapping(second, &outcome, &expected);
	close(first);
	close(second);
	expectation_end(&expected);
	free(file.data);
}

/* A spare that cannot be mapped, and one that cannot be reserved. Files are decoded as usual. */
static void what_cannot_be_made_ready_is_given_back(void **state)
{
	struct outcome outcome;
	struct expectation expected;
	union job_packet packet;
	struct bytes file = make_file(1, &expected);
	int sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const int fds[] = {sealed, open("/dev/zero", O_RDWR | O_CLOEXEC)};
	(void)state;
	assert_return_code(ftruncate(sealed, 4096), errno);
	assert_return_code(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE), errno);
	for (size_t i = 0; i < COUNT(fds); i++) {
		assert_true(fds[i] >= 0);
		give_spare(fds[i], 4096);
		decoder_expect(&decoder, &packet, JOB_NO_SPARE, JOB_NO_SPARE);
		close(fds[i]);
		decoder_decode(&decoder, file.data, file.size, FORMAT_RGBA8, &outcome);
		assert_done(&outcome);
		assert_picture(&outcome, &expected);
		outcome_free(&outcome);
	}
	expectation_end(&expected);
	free(file.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_ready_is_used),
		cmocka_unit_test(it_waits_and_is_used_once),
		cmocka_unit_test(what_is_not_ready_is_filled),
		cmocka_unit_test(a_later_one_counts),
		cmocka_unit_test(what_cannot_be_made_ready_is_given_back),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
