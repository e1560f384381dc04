/*
 * Fuzzes the parser of the wire and all readers of values: an input is a line, without its '\n'.
 * A line that parses must mean the same after it is written and parsed again.
 */
#include <ctype.h>
#include <errno.h>

#include "client/protocol/command.h"
#include "client/protocol/fault.h"
#include "client/protocol/format.h"
#include "client/protocol/name.h"
#include "daemon/base/glob.h"
#include "tests/fuzz/target.h"

static void same_line(const struct wire_line *a, const struct wire_line *b)
{
	must(strcmp(a->verb, b->verb) == 0);
	must(a->count == b->count);
	for (unsigned i = 0; i < a->count; i++) {
		must(strcmp(a->fields[i].key, b->fields[i].key) == 0);
		must(strcmp(a->fields[i].value, b->fields[i].value) == 0);
		must(wire_get(b, a->fields[i].key) == b->fields[i].value);
	}
}

/* Writes a line into just so much memory. Returns its length, or -EMSGSIZE. */
static int write_line(const struct wire_line *line, char *text, size_t size)
{
	struct wire_writer writer;
	wire_begin(&writer, text, size, line->verb);
	for (unsigned i = 0; i < line->count; i++)
		wire_add(&writer, line->fields[i].key, line->fields[i].value);
	int length = wire_end(&writer);
	must(length == -EMSGSIZE || (length > 0 && (size_t)length <= size));
	return length;
}

static void write_again(const struct wire_line *line, size_t size)
{
	size_t room = 3 * size + 2; /* at most each byte becomes %XX */
	char *text = malloc(room);
	struct wire_line again;
	must(text);
	int length = write_line(line, text, room);
	must(length > 0 && text[length - 1] == '\n');
	must(!memchr(text, '\n', (size_t)length - 1));
	char *less = malloc((size_t)length - 1);
	must(less && write_line(line, less, (size_t)length - 1) == -EMSGSIZE);
	free(less);
	must(!wire_parse(text, (size_t)length - 1, &again));
	same_line(line, &again);
	free(text);
}

static void read_request(const struct wire_line *line)
{
	struct request request;
	const char *culprit = NULL;
	enum request_fault fault = request_parse(line, &request, &culprit);
	must(culprit);
	must(!request.values[KEY_ID] || request_is_id(request.values[KEY_ID]));
	if (fault)
		return;
	unsigned given = 0;
	for (int key = 0; key < KEY_COUNT; key++) {
		if (!request.values[key])
			continue;
		given |= 1u << key;
		must(request.values[key] == wire_get(line, key_to_string((enum key)key)));
	}
	const struct command *command = &command_table[request.command];
	must((given & command->required) == command->required);
	must(request.command == COMMAND_HELLO ||
		!(given & ~(command->required | command->optional | KEY_COMMON)));
}

static void read_number(const char *value)
{
	const uint64_t most[] = {UINT64_MAX, UINT32_MAX - 1, 9, 0};
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		uint64_t number;
		if (wire_number(value, most[i], &number) < 0)
			continue;
		must(isdigit((unsigned char)value[0]) && number <= most[i]);
		must(number == strtoull(value, NULL, 10));
	}
}

static void read_value(const char *value)
{
	read_number(value);
	int format = format_from_string(value);
	must(format < 0 || strcmp(format_to_string((enum format)format), value) == 0);
	enum fault fault = fault_from_string(value);
	must(fault == FAULT_NONE || strcmp(fault_to_string(fault), value) == 0);
	if (name_check(value))
		return;
	must(*value && strlen(value) <= NAME_LENGTH_MAX);
	for (; *value; value++)
		must(!iscntrl((unsigned char)*value));
}

/* However hard the pattern is, the steps are bounded. */
static void match(const char *pattern, const char *name)
{
	uint64_t steps = 0;
	if (strlen(pattern) > GLOB_PATTERN_MAX)
		return;
	struct glob *glob = glob_compile(pattern);
	must(glob && glob_size(glob) <= GLOB_SIZE_MAX);
	glob_matches(glob, name, &steps);
	must(steps <= GLOB_STEPS_MAX * (strlen(name) + 1));
	glob_free(glob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_line line;
	if (size >= WIRE_LINE_MAX || memchr(data, '\n', size))
		return -1;
	char *text = malloc(size + 1);
	must(text);
	if (size > 0)
		memcpy(text, data, size);
	const char *fault = wire_parse(text, size, &line);
	if (!fault) {
		must(line.count <= WIRE_FIELDS_MAX);
		write_again(&line, size);
		read_request(&line);
		for (unsigned i = 0; i < line.count; i++)
			read_value(line.fields[i].value);
		if (line.count > 1)
			match(line.fields[0].value, line.fields[1].value);
	}
	free(text);
	return 0;
}
