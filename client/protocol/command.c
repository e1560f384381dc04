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

bool request_is_id(const char *value)
{
	size_t length = 0;
	for (; value[length]; length++) {
		if (value[length] < ' ' || value[length] > '~' || length == ID_LENGTH_MAX)
			return false;
	}
	return length > 0;
}

/* Reads the values of the known keys. Returns the first key that the command does not take. */
static const char *command_read_keys(
	const struct wire_line *line, struct request *request, unsigned known)
{
	const char *unknown = NULL;
	for (unsigned i = 0; i < line->count; i++) {
		const char *word = line->fields[i].key;
		int key = command_key_find(word);
		if (key >= 0)
			request->values[key] = line->fields[i].value;
		if ((key < 0 || !(known & (1u << key))) && !unknown &&
			strncmp(word, KEY_PRIVATE_PREFIX, strlen(KEY_PRIVATE_PREFIX)) != 0)
			unknown = word;
	}
	return unknown;
}

static unsigned command_missing(const struct request *request, unsigned required)
{
	for (int key = 0; key < KEY_COUNT; key++) {
		if (request->values[key])
			required &= ~(1u << key);
	}
	return required;
}

/* The values of the keys that every command takes. */
static enum request_fault command_check_common(struct request *request, const char **culprit)
{
	const char *id = request->values[KEY_ID], *quiet = request->values[KEY_QUIET];
	if (id && !request_is_id(id)) {
		request->values[KEY_ID] = NULL;
		*culprit = keys[KEY_ID].word;
		return REQUEST_INVALID_ID;
	}
	if (quiet && strcmp(quiet, "ok") != 0) {
		*culprit = keys[KEY_QUIET].word;
		return REQUEST_INVALID_QUIET;
	}
	return REQUEST_GOOD;
}

enum request_fault request_parse(
	const struct wire_line *line, struct request *request, const char **culprit)
{
	*culprit = line->verb;
	int id = command_from_string(line->verb);
	*request = (struct request){.command = (enum command_id)id};
	const struct command none = {0}, *command = id < 0 ? &none : &command_table[id];
	const char *unknown = command_read_keys(
		line, request, command->required | command->optional | KEY_COMMON);
	enum request_fault fault = command_check_common(request, culprit);
	if (fault == REQUEST_INVALID_ID)
		return fault;
	if (id < 0) {
		*culprit = line->verb;
		return REQUEST_UNKNOWN_VERB;
	}
	/* A later client's first request must not fail here. */
	if (unknown && id != COMMAND_HELLO) {
		*culprit = unknown;
		return REQUEST_UNKNOWN_KEY;
	}
	unsigned missing = command_missing(request, command->required);
	if (fault || !missing)
		return fault;
	*culprit = keys[__builtin_ctz(missing)].word;
	return REQUEST_MISSING_KEY;
}
