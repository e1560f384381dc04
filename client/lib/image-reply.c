/*
 * The daemon's reply to LOAD and FETCH.
 */
#include "client/lib/image-reply.h"

#include <string.h>

static bool image_reply_read_number(
	const struct wire_line *line, const char *key, uint64_t max, uint64_t *number)
{
	const char *value = wire_get(line, key);
	return value && wire_number(value, max, number) == 0;
}

/* A slash, then letters, digits, '.', '-' and '_': a name that cannot leave the folder. */
static bool image_reply_read_segment(const struct wire_line *line, char segment[NAME_MAX + 1])
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const char *value = wire_get(line, "segment");
	if (!value || value[0] != '/' || !value[1] || value[1] == '.')
		return false;
	size_t length = strlen(value);
	if (length > NAME_MAX || 1 + strspn(value + 1, allowed) != length)
		return false;
	memcpy(segment, value, length + 1);
	return true;
}

/* "<id>:<index>", as semop(2) takes them. */
static bool image_reply_read_semaphore(const struct wire_line *line, struct image_reply *reply)
{
	const char *value = wire_get(line, "semaphore");
	const char *colon = value ? strchr(value, ':') : NULL;
	char id[16];
	if (!colon || (size_t)(colon - value) >= sizeof(id))
		return false;
	memcpy(id, value, (size_t)(colon - value));
	id[colon - value] = '\0';
	return wire_number(id, INT32_MAX, &reply->semaphore_id) == 0 &&
	       wire_number(colon + 1, USHRT_MAX, &reply->semaphore_index) == 0;
}

static bool image_reply_read_format(const struct wire_line *line, struct image_reply *reply)
{
	const char *word = wire_get(line, "format");
	int format = word ? format_from_string(word) : -1;
	reply->format = (uint64_t)format;
	return format > FORMAT_NATIVE;
}

struct pinned image_reply_pinned(const struct image_reply *reply)
{
	return (struct pinned){reply->generation, (uint32_t)reply->format,
		{(uint32_t)reply->width, (uint32_t)reply->height}};
}

/* Reads a number that may be absent; *number is not changed then. */
static bool image_reply_read_if_there(
	const struct wire_line *line, const char *key, uint64_t max, uint64_t *number)
{
	return !wire_get(line, key) || image_reply_read_number(line, key, max, number);
}

/* Reads the optional keys. Returns NULL, or the malformed key. */
static const char *image_reply_read_optional(
	const struct wire_line *line, struct image_reply *reply)
{
	const char *cached = wire_get(line, "cached");
	reply->cached = cached && strcmp(cached, "yes") == 0;
	uint64_t owner = UINT64_MAX; /* as a signed number SHMIMG_OWNER_SELF */
	reply->orientation = 1;
	reply->full_width = reply->width;
	reply->full_height = reply->height;
	if (!image_reply_read_if_there(line, "orientation", 8, &reply->orientation))
		return "orientation";
	if (!image_reply_read_if_there(line, "full-width", UINT32_MAX, &reply->full_width))
		return "full-width";
	if (!image_reply_read_if_there(line, "full-height", UINT32_MAX, &reply->full_height))
		return "full-height";
	if (!image_reply_read_if_there(line, "owner", UINT32_MAX - 1, &owner))
		return "owner";
	reply->owner = (int64_t)owner;
	return NULL;
}

const char *image_reply_read(
	const struct wire_line *line, const char *name, struct image_reply *reply)
{
	const struct {
		const char *key;
		uint64_t max;
		uint64_t *number;
	} numbers[] = {
		{"size", INT64_MAX, &reply->size},
		{"offset", INT64_MAX, &reply->offset},
		{"stride", INT64_MAX, &reply->stride},
		{"width", UINT32_MAX, &reply->width},
		{"height", UINT32_MAX, &reply->height},
		{"generation", UINT64_MAX, &reply->generation},
		{"slot", UINT32_MAX, &reply->slot},
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!image_reply_read_number(
			    line, numbers[i].key, numbers[i].max, numbers[i].number))
			return numbers[i].key;
	}
	const char *found = wire_get(line, "name");
	if (!found || strcmp(found, name) != 0)
		return "name";
	if (!image_reply_read_segment(line, reply->segment))
		return "segment";
	if (!image_reply_read_semaphore(line, reply))
		return "semaphore";
	if (!image_reply_read_format(line, reply))
		return "format";
	return image_reply_read_optional(line, reply);
}
