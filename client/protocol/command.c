/*
 * The table of commands and the check of a line against it.
 */
#include "client/protocol/command.h"

#include <string.h>

static const struct {
	const char *word;
	const char *synopsis;
} keys[KEY_COUNT] = {
#define X(constant, word, synopsis) [KEY_##constant] = {word, synopsis},
	KEY_TABLE(X)
#undef X
};

const struct command command_table[COMMAND_COUNT] = {
#define X(constant, lower, required, optional, help) \
	[COMMAND_##constant] = {#constant, #lower, required, optional, help},
	COMMAND_TABLE(X)
#undef X
};

const char *key_to_string(enum key key)
{
	return keys[key].word;
}

const char *key_synopsis(enum key key)
{
	return keys[key].synopsis;
}

/* Most words differ in their first letter. */
static bool command_is_same(const char *a, const char *b)
{
	return a[0] == b[0] && strcmp(a, b) == 0;
}

int command_from_string(const char *verb)
{
	for (int i = 0; i < COMMAND_COUNT; i++) {
		if (command_is_same(command_table[i].verb, verb))
			return i;
	}
	return -1;
}

static int command_key_find(const char *word)
{
	for (int i = 0; i < KEY_COUNT; i++) {
		if (command_is_same(keys[i].word, word))
			return i;
	}
	return -1;
}

enum request_fault request_parse(
	const struct wire_line *line, struct request *request, const char **culprit)
{
	*culprit = line->verb;
	int id = command_from_string(line->verb);
	if (id < 0)
		return REQUEST_UNKNOWN_VERB;
	*request = (struct request){.command = (enum command_id)id};
	unsigned known = command_table[id].required | command_table[id].optional;
	unsigned given = 0;
	for (unsigned i = 0; i < line->count; i++) {
		int key = command_key_find(line->fields[i].key);
		*culprit = line->fields[i].key;
		if (key < 0 || !(known & (1u << key)))
			return REQUEST_UNKNOWN_KEY;
		request->values[key] = line->fields[i].value;
		given |= 1u << key;
	}
	unsigned missing = command_table[id].required & ~given;
	if (!missing)
		return REQUEST_GOOD;
	*culprit = keys[__builtin_ctz(missing)].word;
	return REQUEST_MISSING_KEY;
}
