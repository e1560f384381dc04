/*
 * The stripe writer: every byte gets to its place, in large and small stripes, and a failure is
 * reported at the end.
 */
#include "daemon/decoder/pixel/stripe-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { PAGE = 4096 };

static int make_file(void)
{
	int fd = memfd_create("stripes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(fd >= 0);
	return fd;
}

/* Byte number i of a picture. */
static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 31 + i / 4096);
}

/* Writes total bytes in parts of size. */
static int write_parts(int fd, size_t total, size_t size)
{
	assert_int_equal(stripe_writer_begin(fd, PAGE, size), 0);
	for (size_t done = 0; done < total;) {
		size_t part = total - done < size ? total - done : size;
		uint8_t *next = stripe_writer_next(part);
		for (size_t i = 0; i < part; i++)
			next[i] = byte_at(done + i);
		done += part;
	}
	return stripe_writer_end();
}

static void check_file(int fd, size_t total)
{
	uint8_t *bytes = malloc(total + 1);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, total + 1, PAGE), (ssize_t)total);
	for (size_t i = 0; i < total; i++)
		assert_int_equal(bytes[i], byte_at(i));
	free(bytes);
}

static void every_byte_gets_to_its_place(void **state)
{
	static const size_t totals[] = {1, 4095, 4096, 100000, 262144, 262145, 3000001};
	static const size_t sizes[] = {1 << 10, 4096, 7681, 262144, 2000000};
	(void)state;
	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			int fd = make_file();
			assert_int_equal(write_parts(fd, totals[i], sizes[j]), 0);
			check_file(fd, totals[i]);
			close(fd);
		}
	}
}

static void a_failure_is_reported(void **state)
{
	(void)state;
	for (size_t total = 10; total < 4000000; total *= 100) {
		int fd = make_file();
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
		assert_int_equal(write_parts(fd, total, 5000), -EPERM);
		close(fd);
	}
	/* The next segment does not inherit it. */
	every_byte_gets_to_its_place(state);
}

static void a_segment_may_end_empty(void **state)
{
	(void)state;
	int fd = make_file();
	assert_int_equal(stripe_writer_begin(fd, 0, 100), 0);
	assert_int_equal(stripe_writer_end(), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
}

static void too_much_is_refused(void **state)
{
	(void)state;
	assert_int_equal(stripe_writer_begin(-1, 0, SIZE_MAX - 4096), -ENOMEM);
}

static int stay_as_it_is(void)
{
	return 0;
}

static int refuse(void)
{
	return -ENOMEM;
}

/* The thread that cannot be confined ends, and the first half runs without it. */
static int make_no_thread(void **state)
{
	(void)state;
	stripe_writer_prepare(refuse);
	return 0;
}

static int make_thread(void **state)
{
	(void)state;
	stripe_writer_prepare(stay_as_it_is);
	return 0;
}

/* The first half runs without the thread. */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_byte_gets_to_its_place, make_no_thread),
		cmocka_unit_test(a_failure_is_reported),
		cmocka_unit_test(a_segment_may_end_empty),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test_setup(every_byte_gets_to_its_place, make_thread),
		cmocka_unit_test(a_failure_is_reported),
		cmocka_unit_test(a_segment_may_end_empty),
		cmocka_unit_test(too_much_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
