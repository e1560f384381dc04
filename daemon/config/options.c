/*
 * Each kind of option has one reader and one writer. What a writer writes, the reader reads as the
 * same value: --print-config prints a configuration file.
 */
#include "daemon/config/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/protocol/wire.h"
#include "daemon/log/log.h"

const struct option_info option_table[OPTION_COUNT] = {
#define X(symbol, name, kind, member, min, max, when, argument, help)          \
	{name, OPTION_##kind, OPTION_##when, offsetof(struct options, member), \
		sizeof(((struct options *)0)->member), min, max, argument, help},
	OPTION_TABLE(X)
#undef X
};

static const char option_units[] = "KMGT";

enum option_id option_from_string(const char *name)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (strcmp(option_table[i].name, name) == 0)
			return (enum option_id)i;
	}
	return OPTION_COUNT;
}

/* Reads a path that a line of shmimgd.conf(5) can contain. */
static int options_read_path(const struct option_info *info, const char *text, char *path)
{
	size_t length = strlen(text);
	if (text[0] != '/' || length > info->max || text[length - 1] == ' ' || strstr(text, " ;"))
		return -EINVAL;
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return -EINVAL;
	}
	memcpy(path, text, length + 1);
	return 0;
}

static int options_read_mode(const char *text, uint64_t max, uint64_t *mode)
{
	uint64_t value = 0;
	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '7' || value > max)
			return -EINVAL;
		value = value * 8 + (uint64_t)(*text - '0');
	}
	*mode = value;
	return 0;
}

static int options_read_size(const char *text, uint64_t max, uint64_t *size)
{
	char digits[24];
	size_t length = strspn(text, "0123456789");
	const char *unit = text[length] ? strchr(option_units, text[length]) : NULL;
	unsigned shift = unit ? (unsigned)(unit - option_units + 1) * 10 : 0;
	if (length >= sizeof(digits) || (text[length] && (!unit || text[length + 1])))
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (wire_number(digits, max >> shift, size) < 0)
		return -EINVAL;
	*size <<= shift;
	return 0;
}

static int options_read_word(const struct option_info *info, const char *text, uint64_t *number)
{
	size_t length = strlen(text);
	uint64_t value = info->min;
	for (const char *word = info->argument; word; value++) {
		size_t end = strcspn(word, "|");
		if (end == length && strncmp(word, text, length) == 0) {
			*number = value;
			return 0;
		}
		word = word[end] ? word + end + 1 : NULL;
	}
	return -EINVAL;
}

static int options_read_number(const struct option_info *info, const char *text, uint64_t *number)
{
	switch (info->kind) {
	case OPTION_MODE:
		return options_read_mode(text, info->max, number);
	case OPTION_SIZE:
		return options_read_size(text, info->max, number);
	case OPTION_WORD:
		return options_read_word(info, text, number);
	default:
		return wire_number(text, info->max, number);
	}
}

int option_set(struct options *options, enum option_id id, const char *text)
{
	const struct option_info *info = &option_table[id];
	char *value = (char *)options + info->offset;
	uint64_t number;
	if (info->kind == OPTION_PATH)
		return options_read_path(info, text, value);
	if (options_read_number(info, text, &number) < 0 || number < info->min ||
		number > info->max)
		return -EINVAL;
	memcpy(value, &number, sizeof(number));
	return 0;
}

static void options_write_size(uint64_t size, char text[OPTION_TEXT_SIZE])
{
	size_t unit = 0;
	while (size > 0 && size % 1024 == 0 && option_units[unit]) {
		size /= 1024;
		unit++;
	}
	int length = snprintf(text, OPTION_TEXT_SIZE, "%" PRIu64, size);
	if (unit > 0)
		snprintf(text + length, (size_t)(OPTION_TEXT_SIZE - length), "%c",
			option_units[unit - 1]);
}

static void options_write_word(const struct option_info *info, uint64_t number, char *text)
{
	const char *word = info->argument;
	for (uint64_t i = info->min; i < number; i++)
		word += strcspn(word, "|") + 1;
	snprintf(text, OPTION_TEXT_SIZE, "%.*s", (int)strcspn(word, "|"), word);
}

void option_to_string(const struct options *options, enum option_id id, char text[OPTION_TEXT_SIZE])
{
	const struct option_info *info = &option_table[id];
	const char *value = (const char *)options + info->offset;
	uint64_t number = 0;
	if (info->kind != OPTION_PATH)
		memcpy(&number, value, sizeof(number));
	switch (info->kind) {
	case OPTION_PATH:
		snprintf(text, OPTION_TEXT_SIZE, "%s", value);
		break;
	case OPTION_MODE:
		snprintf(text, OPTION_TEXT_SIZE, "%04" PRIo64, number);
		break;
	case OPTION_SIZE:
		options_write_size(number, text);
		break;
	case OPTION_WORD:
		options_write_word(info, number, text);
		break;
	default:
		snprintf(text, OPTION_TEXT_SIZE, "%" PRIu64, number);
	}
}

void option_allowed(enum option_id id, char text[OPTION_TEXT_SIZE])
{
	const struct option_info *info = &option_table[id];
	switch (info->kind) {
	case OPTION_PATH:
		snprintf(text, OPTION_TEXT_SIZE,
			"an absolute path of at most %" PRIu64 " printable bytes, without \" ;\"",
			info->max);
		break;
	case OPTION_MODE:
		snprintf(text, OPTION_TEXT_SIZE, "an octal number from 0 to %04" PRIo64, info->max);
		break;
	case OPTION_SIZE:
		snprintf(text, OPTION_TEXT_SIZE,
			"a number of bytes, optionally followed by K, M, G or T");
		break;
	case OPTION_WORD:
		snprintf(text, OPTION_TEXT_SIZE, "one of %s", info->argument);
		break;
	default:
		snprintf(text, OPTION_TEXT_SIZE, "a number %sfrom %" PRIu64 " to %" PRIu64,
			info->kind == OPTION_SECONDS ? "of seconds " : "", info->min, info->max);
	}
}

bool option_equal(const struct options *a, const struct options *b, enum option_id id)
{
	const struct option_info *info = &option_table[id];
	const char *left = (const char *)a + info->offset;
	const char *right = (const char *)b + info->offset;
	if (info->kind == OPTION_PATH)
		return strcmp(left, right) == 0;
	return memcmp(left, right, info->size) == 0;
}

void option_copy(struct options *to, const struct options *from, enum option_id id)
{
	const struct option_info *info = &option_table[id];
	memcpy((char *)to + info->offset, (const char *)from + info->offset, info->size);
}
