/*
 * What the daemon promises in its reply.
 */
#include "client/lib/promise.h"

#include <string.h>

static bool promise_read_number(
	const struct wire_line *reply, const char *key, uint64_t max, uint64_t *number)
{
	const char *value = wire_get(reply, key);
	return value && wire_number(value, max, number) == 0;
}

/* A slash, then letters, digits, '.', '-' and '_': nothing that leaves the folder. */
static bool promise_read_segment(const struct wire_line *reply, char segment[NAME_MAX + 1])
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const char *value = wire_get(reply, "segment");
	if (!value || value[0] != '/' || !value[1] || value[1] == '.')
		return false;
	size_t length = strlen(value);
	if (length > NAME_MAX || 1 + strspn(value + 1, allowed) != length)
		return false;
	memcpy(segment, value, length + 1);
	return true;
}

/* "<id>:<index>", as semop(2) takes them. */
static bool promise_read_semaphore(const struct wire_line *reply, struct promise *promise)
{
	const char *value = wire_get(reply, "semaphore");
	const char *colon = value ? strchr(value, ':') : NULL;
	char id[16];
	if (!colon || (size_t)(colon - value) >= sizeof(id))
		return false;
	memcpy(id, value, (size_t)(colon - value));
	id[colon - value] = '\0';
	return wire_number(id, INT32_MAX, &promise->semaphore_id) == 0 &&
	       wire_number(colon + 1, USHRT_MAX, &promise->semaphore_index) == 0;
}

static bool promise_read_format(const struct wire_line *reply, struct promise *promise)
{
	const char *word = wire_get(reply, "format");
	int format = word ? format_from_string(word) : -1;
	promise->format = (uint64_t)format;
	return format > FORMAT_NATIVE;
}

struct pinned promise_pinned(const struct promise *promise)
{
	return (struct pinned){promise->generation, (uint32_t)promise->format,
		{(uint32_t)promise->width, (uint32_t)promise->height}};
}

/* Reads a number that may be absent, and is then as it was. */
static bool promise_read_if_there(
	const struct wire_line *reply, const char *key, uint64_t max, uint64_t *number)
{
	return !wire_get(reply, key) || promise_read_number(reply, key, max, number);
}

/* Keys that are there only when they say something. Returns the one that is malformed. */
static const char *promise_read_optional(const struct wire_line *reply, struct promise *promise)
{
	const char *cached = wire_get(reply, "cached");
	promise->cached = cached && strcmp(cached, "yes") == 0;
	promise->orientation = 1;
	promise->full_width = promise->width;
	promise->full_height = promise->height;
	if (!promise_read_if_there(reply, "orientation", 8, &promise->orientation))
		return "orientation";
	if (!promise_read_if_there(reply, "full-width", UINT32_MAX, &promise->full_width))
		return "full-width";
	if (!promise_read_if_there(reply, "full-height", UINT32_MAX, &promise->full_height))
		return "full-height";
	return NULL;
}

const char *promise_read(const struct wire_line *reply, const char *name, struct promise *promise)
{
	const struct {
		const char *key;
		uint64_t max;
		uint64_t *number;
	} numbers[] = {
		{"size", INT64_MAX, &promise->size},
		{"offset", INT64_MAX, &promise->offset},
		{"stride", INT64_MAX, &promise->stride},
		{"width", UINT32_MAX, &promise->width},
		{"height", UINT32_MAX, &promise->height},
		{"generation", UINT64_MAX, &promise->generation},
		{"slot", UINT32_MAX, &promise->slot},
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!promise_read_number(reply, numbers[i].key, numbers[i].max, numbers[i].number))
			return numbers[i].key;
	}
	const char *said = wire_get(reply, "name");
	if (!said || strcmp(said, name) != 0)
		return "name";
	if (!promise_read_segment(reply, promise->segment))
		return "segment";
	if (!promise_read_semaphore(reply, promise))
		return "semaphore";
	if (!promise_read_format(reply, promise))
		return "format";
	return promise_read_optional(reply, promise);
}
