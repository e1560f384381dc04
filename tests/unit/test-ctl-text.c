/*
 * Tests of what shmimgctl prints: sizes, durations, cut texts, JSON, tables and the
 * progress line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl/json.h"
#include "client/ctl/progress.h"
#include "client/ctl/table.h"
#include "client/ctl/text.h"
#include "tests/unit/unit.h"

static void test_bytes(void **state)
{
	(void)state;
	assert_string_equal(text_bytes(0).data, "0 B");
	assert_string_equal(text_bytes(1023).data, "1023 B");
	assert_string_equal(text_bytes(1024).data, "1.0 KiB");
	assert_string_equal(text_bytes(33177600).data, "31.6 MiB");
	assert_string_equal(text_bytes((1 << 20) - 1).data, "1.0 MiB");
	assert_string_equal(text_bytes(1023u << 10).data, "1023.0 KiB");
	assert_string_equal(text_bytes((uint64_t)3 << 30).data, "3.0 GiB");
	assert_string_equal(text_bytes(UINT64_MAX).data, "16.0 EiB");
}

static void test_duration(void **state)
{
	(void)state;
	assert_string_equal(text_duration(0).data, "0.00 ms");
	assert_string_equal(text_duration(0.000423).data, "0.42 ms");
	assert_string_equal(text_duration(0.01234).data, "12.3 ms");
	assert_string_equal(text_duration(0.99999).data, "1.0 s");
	assert_string_equal(text_duration(9.2).data, "9.2 s");
	assert_string_equal(text_duration(59.94).data, "59.9 s");
	assert_string_equal(text_duration(59.96).data, "1 min 00 s");
	assert_string_equal(text_duration(125).data, "2 min 05 s");
	assert_string_equal(text_duration(3 * 3600 + 5 * 60).data, "3 h 05 min");
	assert_string_equal(text_duration(51 * 3600).data, "2 d 3 h");
}

static void test_clock(void **state)
{
	(void)state;
	assert_string_equal(text_clock(0).data, "0:00");
	assert_string_equal(text_clock(64.6).data, "1:05");
	assert_string_equal(text_clock(3723).data, "1:02:03");
	assert_string_equal(text_clock(-1).data, "0:00");
}

static void test_seconds(void **state)
{
	(void)state;
	int milliseconds;
	assert_int_equal(text_parse_seconds("0.5", &milliseconds), 0);
	assert_int_equal(milliseconds, 500);
	assert_int_equal(text_parse_seconds("0", &milliseconds), 0);
	assert_int_equal(milliseconds, 0);
	assert_int_equal(text_parse_seconds("0.0001", &milliseconds), 0);
	assert_int_equal(milliseconds, 1);
	static const char *const wrong[] = {"", "x", "1s", "-1", "nan", "inf", "1e9"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(text_parse_seconds(wrong[i], &milliseconds), -EINVAL);
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("B\xc3\xa4r"), 3);
	assert_int_equal(text_width("a\xcc\x88"), 1);
	assert_int_equal(text_width("\xe7\x94\xbb\xe5\x83\x8f"), 4);
	assert_int_equal(text_width("\xff\xff"), 2);
}

static void check_fit(const char *text, unsigned columns, bool keep_end, const char *wanted)
{
	char out[64];
	assert_true(text_fit(out, sizeof(out), text, columns, keep_end) <= columns);
	assert_string_equal(out, wanted);
}

static void test_fit(void **state)
{
	(void)state;
	check_fit("picture.png", 11, true, "picture.png");
	check_fit("picture.png", 5, true, "\xe2\x80\xa6.png");
	check_fit("picture.png", 5, false, "pict\xe2\x80\xa6");
	check_fit("picture.png", 1, true, "\xe2\x80\xa6");
	check_fit("picture.png", 0, true, "");
	/* A character of two columns is not cut in the middle. */
	check_fit("\xe7\x94\xbb\xe5\x83\x8f\xe7\x94\xbb", 4, false, "\xe7\x94\xbb\xe2\x80\xa6");
	check_fit("\xe7\x94\xbb\xe5\x83\x8f\xe7\x94\xbb", 4, true, "\xe2\x80\xa6\xe7\x94\xbb");
}

static void test_safe(void **state)
{
	(void)state;
	char text[] = "a\033[2J\xc2\x9b\x7f\xc3\xa4\n";
	text_make_safe(text);
	assert_string_equal(text, "a?[2J???\xc3\xa4?");
}

/* What is written to a stream in memory; for free(). */
struct capture {
	FILE *stream;
	char *data;
	size_t size;
};

static struct capture *capture_new(void)
{
	struct capture *capture = calloc(1, sizeof(*capture));
	assert_non_null(capture);
	capture->stream = open_memstream(&capture->data, &capture->size);
	assert_non_null(capture->stream);
	return capture;
}

static void capture_check(struct capture *capture, const char *wanted)
{
	assert_int_equal(fclose(capture->stream), 0);
	assert_string_equal(capture->data, wanted);
	free(capture->data);
	free(capture);
}

static void test_json(void **state)
{
	(void)state;
	struct capture *capture = capture_new();
	struct json json;
	json_begin(&json, capture->stream);
	json_add(&json, "name", "123");
	json_add(&json, "size", "18446744073709551615");
	json_add(&json, "zero", "0");
	json_add(&json, "slot", "007");
	json_add(&json, "minus", "-1");
	json_add(&json, "empty", "");
	json_add(&json, "path", "a\"b\\c\td\x7f\xc3\xa4");
	json_end(&json);
	json_begin(&json, capture->stream);
	json_end(&json);
	capture_check(capture, "{\"name\":\"123\",\"size\":18446744073709551615,\"zero\":0,"
			       "\"slot\":\"007\",\"minus\":\"-1\",\"empty\":\"\","
			       "\"path\":\"a\\\"b\\\\c\\u0009d\\u007f\xc3\xa4\"}\n{}\n");
}

static const char *const titles[TABLE_COLUMNS] = {"NAME", "BYTES", "OWNER", "LOCK"};
static const char *const first_row[TABLE_COLUMNS] = {"/photos/qt.png", "9 B", NULL, "17"};
static const char *const second_row[TABLE_COLUMNS] = {"b", "1.2 MiB"};

static void check_table(unsigned columns, const char *wanted)
{
	struct capture *capture = capture_new();
	struct table table = {0};
	table_add(&table, titles);
	table_add(&table, first_row);
	table_add(&table, second_row);
	table_print(&table, capture->stream, 1u << 1, columns);
	table_clear(&table);
	capture_check(capture, wanted);
}

static void test_table(void **state)
{
	(void)state;
	/* A column of nothing but its title is not there. */
	check_table(0, "NAME              BYTES  LOCK\n"
		       "/photos/qt.png      9 B  17\n"
		       "b               1.2 MiB\n");
	check_table(27, "NAME            BYTES  LOCK\n"
			"\xe2\x80\xa6otos/qt.png"
			"      9 B  17\n"
			"b             1.2 MiB\n");
}

static struct progress halfway(void)
{
	return (struct progress){.total = 100,
		.done = 34,
		.total_bytes = 1000,
		.done_bytes = 500,
		.pixel_bytes = 33177600,
		.current = "/photos/a-long-name-of-a-photograph.jpg"};
}

static void check_progress(
	const struct progress *progress, double elapsed, unsigned columns, const char *wanted)
{
	char line[512];
	progress_compose(progress, elapsed, columns, line, sizeof(line));
	assert_string_equal(line, wanted);
	assert_true(text_width(line) <= columns);
}

static void test_progress(void **state)
{
	(void)state;
	struct progress progress = halfway();
	check_progress(&progress, 17, 79,
		"[##########----------] 34/100  31.6 MiB  2.0/s  0:17 left  "
		"\xe2\x80\xa6of-a-photograph.jpg");
	/* Without room for it there is no name, and no line is wider than the terminal. */
	check_progress(
		&progress, 17, 60, "[##########----------] 34/100  31.6 MiB  2.0/s  0:17 left");
	check_progress(&progress, 17, 10, "[########\xe2\x80\xa6");
	progress.done = 0;
	progress.done_bytes = 0;
	progress.current = NULL;
	check_progress(&progress, 3, 79, "[--------------------] 0/100  31.6 MiB");
	progress.done = progress.total;
	check_progress(
		&progress, 50, 79, "[####################] 100/100  31.6 MiB  2.0/s  0:00 left");
}

/* Files whose sizes are not known count by their number. */
static void test_progress_by_number(void **state)
{
	(void)state;
	struct progress progress = {.total = 4, .done = 1};
	check_progress(&progress, 2, 79, "[#####---------------] 1/4  0 B  0.5/s  0:06 left");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_safe),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_progress_by_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
