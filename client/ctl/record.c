/*
 * Records as JSON or as lines. The end of a key tells the unit of its value.
 */
#include "client/ctl/record.h"

#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "client/ctl/json.h"
#include "client/ctl/text.h"
#include "client/protocol/wire.h"

enum { VALUE_SIZE = 8192 };

const char *const record_fetch_keys[] = {"name", "segment", "size", "offset", "width", "height",
	"stride", "format", "generation", "semaphore", "slot", "owner", "full-width", "full-height",
	NULL};

static bool record_ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);
	size_t tail = strlen(end);
	if (length < tail || strcmp(text + length - tail, end) != 0)
		return false;
	return length == tail || text[length - tail - 1] == '-';
}

static bool record_is_size(const char *key)
{
	return record_ends_with(key, "bytes") || record_ends_with(key, "bytes-max") ||
	       strcmp(key, "size") == 0 || strcmp(key, "memory-max") == 0;
}

/* Seconds in the unit of time at the end of a key; 0: not a time. */
static double record_time_unit(const char *key)
{
	static const struct {
		const char *end;
		double seconds;
	} units[] = {{"seconds", 1}, {"uptime", 1}, {"age", 1}, {"ms", 1e-3},
		{"milliseconds", 1e-3}, {"us", 1e-6}, {"microseconds", 1e-6}, {"ns", 1e-9},
		{"nanoseconds", 1e-9}};
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (record_ends_with(key, units[i].end))
			return units[i].seconds;
	}
	return 0;
}

static void record_describe_user(uint64_t number, char *out, size_t size)
{
	const struct passwd *user = number <= UINT32_MAX ? getpwuid((uid_t)number) : NULL;
	if (user)
		snprintf(out, size, " (%s)", user->pw_name);
}

void record_value(const char *key, const char *value, char *out, size_t size)
{
	uint64_t number;
	int length = snprintf(out, size, "%s", value);
	if (length < 0 || (size_t)length >= size || wire_number(value, UINT64_MAX, &number) < 0)
		return;
	char *end = out + length;
	size_t left = size - (size_t)length;
	if (record_is_size(key) && number >= 1024)
		snprintf(end, left, " (%s)", text_bytes(number).data);
	else if (record_time_unit(key) >= 1 && number < 60)
		snprintf(end, left, " s");
	else if (record_time_unit(key) > 0)
		snprintf(out, size, "%s",
			text_duration((double)number * record_time_unit(key)).data);
	else if (strcmp(key, "owner") == 0)
		record_describe_user(number, end, left);
}

static int record_key_at(const shmimg_record *record, const char *const *keys, size_t index,
	const char **key, const char **value)
{
	if (!keys)
		return shmimg_record_at(record, index, key, value) == 0;
	*key = keys[index];
	*value = *key ? shmimg_record_get(record, *key) : NULL;
	return *key != NULL;
}

void record_add_json(const shmimg_record *record, const char *const *keys, struct json *json)
{
	const char *key, *value;
	for (size_t i = 0; record_key_at(record, keys, i, &key, &value); i++) {
		if (value)
			json_add(json, key, value);
	}
}

static void record_print_lines(const shmimg_record *record, const char *const *keys)
{
	size_t widest = 0;
	const char *key, *value;
	for (size_t i = 0; record_key_at(record, keys, i, &key, &value); i++) {
		if (value && strlen(key) > widest)
			widest = strlen(key);
	}
	for (size_t i = 0; record_key_at(record, keys, i, &key, &value); i++) {
		if (!value)
			continue;
		char text[VALUE_SIZE];
		record_value(key, value, text, sizeof(text));
		text_make_safe(text);
		int gap = *text ? (int)(widest - strlen(key)) + 1 : 0;
		printf("%s:%*s%s\n", key, gap, "", text);
	}
}

void record_print(const shmimg_record *record, const char *const *keys, bool json)
{
	if (!json) {
		record_print_lines(record, keys);
		return;
	}
	struct json object;
	json_begin(&object, stdout);
	record_add_json(record, keys, &object);
	json_end(&object);
}
