/*
 * Lines of the socket: what is parsed, what is refused, and that what is built is parsed
 * to the same again. Every line lies in memory of its exact size, for AddressSanitizer.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/protocol/wire.h"

/* Parses a copy that the caller frees. */
static const char *parse(const char *text, size_t length, struct wire_line *line, char **copy)
{
	*copy = malloc(length + 1);
	assert_non_null(*copy);
	memcpy(*copy, text, length);
	return wire_parse(*copy, length, line);
}

static void expect_fault(const char *text, size_t length, const char *fault)
{
	struct wire_line line;
	char *copy;
	const char *found = parse(text, length, &line, &copy);
	free(copy);
	assert_non_null(found);
	assert_string_equal(found, fault);
}

#define FAULT(text, fault) expect_fault(text, sizeof(text) - 1, fault)

static void value_is(const char *text, const char *key, const char *value)
{
	struct wire_line line;
	char *copy;
	assert_null(parse(text, strlen(text), &line, &copy));
	const char *found = wire_get(&line, key);
	if (value)
		assert_string_equal(found, value);
	else
		assert_null(found);
	free(copy);
}

static void verb_alone(void **state)
{
	(void)state;
	struct wire_line line;
	char *copy;
	assert_null(parse("STATS", 5, &line, &copy));
	assert_string_equal(line.verb, "STATS");
	assert_int_equal(line.count, 0);
	free(copy);
}

static void fields_in_order(void **state)
{
	(void)state;
	struct wire_line line;
	char *copy;
	assert_null(parse("OK b=1 a=2 c-9=", 15, &line, &copy));
	assert_int_equal(line.count, 3);
	assert_string_equal(line.fields[0].key, "b");
	assert_string_equal(line.fields[1].key, "a");
	assert_string_equal(line.fields[2].key, "c-9");
	assert_string_equal(line.fields[2].value, "");
	free(copy);
}

static void values_are_decoded(void **state)
{
	(void)state;
	value_is("A k=a%20b%0A%25%c3%A9", "k", "a b\n%\xc3\xa9");
	value_is("A k=a=b", "k", "a=b");
	value_is("A k=%41 l=2", "l", "2");
	value_is("A k=%41 l=2", "k", "A");
}

static void absent_keys_are_null(void **state)
{
	(void)state;
	value_is("A key=1", "ke", NULL);
	value_is("A key=1", "keys", NULL);
	value_is("A", "key", NULL);
}

static void bad_verbs(void **state)
{
	(void)state;
	FAULT("", "a line must begin with a verb");
	FAULT(" A", "a line must begin with a verb");
	FAULT("load", "a verb is made of capital letters A-Z");
	FAULT("LOAD2", "a verb is made of capital letters A-Z");
	FAULT("LO\0AD", "a verb is made of capital letters A-Z");
	FAULT("LOAD\r", "a verb is made of capital letters A-Z");
}

static void bad_fields(void **state)
{
	(void)state;
	static const char fault[] = "a field must be key=value, after a single space";
	FAULT("A ", fault);
	FAULT("A k", fault);
	FAULT("A k=1 ", fault);
	FAULT("A  k=1", fault);
	FAULT("A k=1  l=2", fault);
}

static void bad_keys(void **state)
{
	(void)state;
	FAULT("A =1", "a key must begin with a-z");
	FAULT("A 1k=1", "a key must begin with a-z");
	FAULT("A -k=1", "a key must begin with a-z");
	FAULT("A K=1", "a key must begin with a-z");
	FAULT("A kK=1", "a key is made of a-z, 0-9 and '-'");
	FAULT("A k_=1", "a key is made of a-z, 0-9 and '-'");
	FAULT("A k\0=1", "a key is made of a-z, 0-9 and '-'");
	FAULT("A k%41=1", "a key is made of a-z, 0-9 and '-'");
	FAULT("A k=1 k=1", "a key is given twice");
}

static void bad_values(void **state)
{
	(void)state;
	FAULT("A k=\t", "a value holds a byte that must be percent-encoded");
	FAULT("A k=\0", "a value holds a byte that must be percent-encoded");
	FAULT("A k=\x7f", "a value holds a byte that must be percent-encoded");
	FAULT("A k=\xc3\xa9", "a value holds a byte that must be percent-encoded");
	FAULT("A k=%00", "a value must not hold %00");
}

static void bad_escapes(void **state)
{
	(void)state;
	static const char fault[] = "'%' must be followed by two hexadecimal digits";
	FAULT("A k=%", fault);
	FAULT("A k=%4", fault);
	FAULT("A k=%4g", fault);
	FAULT("A k=%g4", fault);
	FAULT("A k=%% l=1", fault);
	FAULT("A k=%4 l=1", fault);
}

/* Builds "A k0=v k1=v ..." with so many fields. */
static size_t build_fields(char *text, size_t size, unsigned count)
{
	static const char *const letters = "abcdefghijklmnopqrstuvwxyz";
	struct wire_writer writer;
	wire_begin(&writer, text, size, "A");
	for (unsigned i = 0; i < count; i++) {
		char key[3] = {letters[i / 26], letters[i % 26], '\0'};
		wire_add(&writer, key, "v");
	}
	int length = wire_end(&writer);
	assert_true(length > 0);
	return (size_t)length;
}

static void as_many_fields_as_may_be(void **state)
{
	(void)state;
	char text[WIRE_LINE_MAX];
	struct wire_line line;
	char *copy;
	size_t length = build_fields(text, sizeof(text), WIRE_FIELDS_MAX);
	assert_null(parse(text, length - 1, &line, &copy));
	assert_int_equal(line.count, WIRE_FIELDS_MAX);
	free(copy);
	length = build_fields(text, sizeof(text), WIRE_FIELDS_MAX + 1);
	expect_fault(text, length - 1, "too many fields in a line");
}

/* Writes "A k=<value>" into exactly room bytes; the value has value_length bytes. */
static int build_value(size_t room, char byte, size_t value_length, char **text)
{
	char *value = malloc(value_length + 1);
	assert_non_null(value);
	memset(value, byte, value_length);
	value[value_length] = '\0';
	*text = malloc(room);
	assert_non_null(*text);
	struct wire_writer writer;
	wire_begin(&writer, *text, room, "A");
	wire_add(&writer, "k", value);
	free(value);
	return wire_end(&writer);
}

static void line_of_exactly_the_limit(void **state)
{
	(void)state;
	size_t value_length = WIRE_LINE_MAX - strlen("A k=\n");
	char *text;
	int length = build_value(WIRE_LINE_MAX, 'x', value_length, &text);
	assert_int_equal(length, WIRE_LINE_MAX);
	assert_int_equal(text[WIRE_LINE_MAX - 1], '\n');
	struct wire_line line;
	assert_null(wire_parse(text, WIRE_LINE_MAX - 1, &line));
	assert_int_equal(strlen(wire_get(&line, "k")), value_length);
	free(text);
}

static void line_one_byte_too_long(void **state)
{
	(void)state;
	char *text;
	size_t value_length = WIRE_LINE_MAX - strlen("A k=\n") + 1;
	assert_int_equal(build_value(WIRE_LINE_MAX, 'x', value_length, &text), -EMSGSIZE);
	free(text);
}

static void escapes_count_three_bytes(void **state)
{
	(void)state;
	char *text;
	assert_int_equal(build_value(11, ' ', 2, &text), 11);
	assert_memory_equal(text, "A k=%20%20\n", 11);
	free(text);
	assert_int_equal(build_value(10, ' ', 2, &text), -EMSGSIZE);
	free(text);
}

static void full_writer_stays_full(void **state)
{
	(void)state;
	char text[8];
	struct wire_writer writer;
	wire_begin(&writer, text, sizeof(text), "A");
	wire_add(&writer, "key", "value");
	wire_add(&writer, "k", "");
	assert_true(writer.full);
	assert_int_equal(wire_end(&writer), -EMSGSIZE);
}

static void numbers_are_written(void **state)
{
	(void)state;
	char text[64];
	struct wire_writer writer;
	wire_begin(&writer, text, sizeof(text), "A");
	wire_add_number(&writer, "a", 0);
	wire_add_number(&writer, "b", UINT64_MAX);
	int length = wire_end(&writer);
	static const char expected[] = "A a=0 b=18446744073709551615\n";
	assert_int_equal(length, sizeof(expected) - 1);
	assert_memory_equal(text, expected, sizeof(expected) - 1);
}

static void numbers_are_read(void **state)
{
	(void)state;
	uint64_t number = 0;
	assert_int_equal(wire_number("0", 0, &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(wire_number("007", 7, &number), 0);
	assert_int_equal(number, 7);
	assert_int_equal(wire_number("18446744073709551615", UINT64_MAX, &number), 0);
	assert_true(number == UINT64_MAX);
	assert_int_equal(wire_number("65535", 65535, &number), 0);
	assert_int_equal(number, 65535);
}

static void bad_numbers(void **state)
{
	(void)state;
	static const char *const bad[] = {"", " ", "-1", "+1", "1 ", " 1", "1.0", "0x1", "1e3", "a",
		"18446744073709551616", "99999999999999999999999"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint64_t number = 42;
		assert_int_equal(wire_number(bad[i], UINT64_MAX, &number), -EINVAL);
		assert_int_equal(number, 42);
	}
}

static void numbers_beyond_their_bound(void **state)
{
	(void)state;
	uint64_t number;
	for (uint64_t max = 0; max < 120; max++) {
		for (unsigned i = 0; i < 130; i++) {
			char text[4] = {(char)('0' + i / 100), (char)('0' + i / 10 % 10),
				(char)('0' + i % 10), '\0'};
			assert_int_equal(wire_number(text, max, &number), i <= max ? 0 : -EINVAL);
		}
	}
}

/* A value of up to 39 bytes of any kind but NUL. */
static void random_value(uint64_t *seed, char value[40])
{
	size_t length = unit_random(seed) % 40;
	for (size_t i = 0; i < length; i++)
		value[i] = (char)(1 + unit_random(seed) % 255);
	value[length] = '\0';
}

static void what_is_built_is_parsed(void **state)
{
	(void)state;
	uint64_t seed = 20240229;
	for (int round = 0; round < 2000; round++) {
		static const char *const keys[] = {"a", "b-1", "name", "generation"};
		char values[COUNT(keys)][40];
		char text[WIRE_LINE_MAX];
		struct wire_writer writer;
		struct wire_line line;
		wire_begin(&writer, text, sizeof(text), "ITEM");
		for (size_t i = 0; i < COUNT(keys); i++) {
			random_value(&seed, values[i]);
			wire_add(&writer, keys[i], values[i]);
		}
		int length = wire_end(&writer);
		assert_true(length > 0);
		assert_ptr_equal(memchr(text, '\n', (size_t)length), text + length - 1);
		assert_null(wire_parse(text, (size_t)length - 1, &line));
		assert_int_equal(line.count, COUNT(keys));
		for (size_t i = 0; i < COUNT(keys); i++)
			assert_string_equal(wire_get(&line, keys[i]), values[i]);
	}
}

static void rubbish_stays_inside(void **state)
{
	(void)state;
	static const char alphabet[] = "AB ab=% %4%41\t\x80-0=";
	uint64_t seed = 7;
	unsigned good = 0;
	for (int round = 0; round < 50000; round++) {
		char text[24];
		size_t length = unit_random(&seed) % sizeof(text);
		for (size_t i = 0; i < length; i++)
			text[i] = alphabet[unit_random(&seed) % sizeof(alphabet)];
		struct wire_line line;
		char *copy;
		if (!parse(text, length, &line, &copy)) {
			good++;
			for (unsigned i = 0; i < line.count; i++) {
				const char *value = line.fields[i].value;
				assert_true(value + strlen(value) <= copy + length);
			}
		}
		free(copy);
	}
	assert_true(good > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verb_alone),
		cmocka_unit_test(fields_in_order),
		cmocka_unit_test(values_are_decoded),
		cmocka_unit_test(absent_keys_are_null),
		cmocka_unit_test(bad_verbs),
		cmocka_unit_test(bad_fields),
		cmocka_unit_test(bad_keys),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(bad_escapes),
		cmocka_unit_test(as_many_fields_as_may_be),
		cmocka_unit_test(line_of_exactly_the_limit),
		cmocka_unit_test(line_one_byte_too_long),
		cmocka_unit_test(escapes_count_three_bytes),
		cmocka_unit_test(full_writer_stays_full),
		cmocka_unit_test(numbers_are_written),
		cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(bad_numbers),
		cmocka_unit_test(numbers_beyond_their_bound),
		cmocka_unit_test(what_is_built_is_parsed),
		cmocka_unit_test(rubbish_stays_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
