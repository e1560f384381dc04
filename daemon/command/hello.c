/*
 * HELLO: checks the protocol and reports the daemon's limits.
 */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "daemon/command/handlers.h"
#include "daemon/command/session.h"

#define PROTOCOL "1"

static void hello_add_formats(struct wire_writer *line)
{
	char list[128] = "";
	for (int i = FORMAT_NATIVE + 1; i < FORMAT_COUNT; i++) {
		if (*list)
			strcat(list, ",");
		strcat(list, format_to_string((enum format)i));
	}
	wire_add(line, "formats", list);
}

enum outcome command_hello(struct call *call)
{
	const struct engine *engine = call->session->engine;
	const char *protocol = call->request->values[KEY_PROTOCOL];
	if (protocol && strcmp(protocol, PROTOCOL) != 0)
		return refuse(
			call, FAULT_PROTOCOL, "this daemon supports protocol=" PROTOCOL " only");
	struct wire_writer *line = reply_begin(call->reply, "OK");
	wire_add(line, "protocol", PROTOCOL);
	wire_add(line, "version", PACKAGE_VERSION);
	wire_add_number(line, "uid", geteuid());
	hello_add_formats(line);
	wire_add_number(line, "max-pixels", engine->options->max_pixels);
	wire_add(line, "board", engine->board.name);
	reply_end(call->reply);
	return OUTCOME_DONE;
}
