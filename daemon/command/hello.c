/*
 * HELLO: checks the protocol and reports the daemon's limits.
 */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "daemon/command/arguments.h"
#include "daemon/command/handlers.h"
#include "daemon/command/session.h"
#include "daemon/segment/segment.h"

#define PROTOCOL "1" /* the only version */

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

/* What a client can rely on beyond the first version of the daemon; one word each. */
static const char *const features[] = {
	"id",
	"quiet",
	"noop",
	"cancel",
	"errors",
	"descriptors",
	"cursor",
	"initial",
	"owner",
};

static void hello_add_features(struct wire_writer *line)
{
	char list[256] = "";
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (*list)
			strcat(list, ",");
		strcat(list, features[i]);
	}
	wire_add(line, "features", list);
}

/* Whether a list of numbers, with commas between, has the daemon's protocol. */
static bool hello_has_protocol(const char *list)
{
	for (;;) {
		size_t length = strcspn(list, ",");
		if (length == strlen(PROTOCOL) && strncmp(list, PROTOCOL, length) == 0)
			return true;
		if (!list[length])
			return false;
		list += length + 1;
	}
}

static bool hello_pass_board(struct call *call)
{
	int fd = segment_open(call->session->engine->board.name);
	if (fd < 0) {
		refuse(call, FAULT_BUSY, "the daemon cannot open the board: %s", strerror(-fd));
		return false;
	}
	reply_pass(call->reply, fd);
	return true;
}

enum outcome command_hello(struct call *call)
{
	const struct engine *engine = call->session->engine;
	const char *protocol = call->request->values[KEY_PROTOCOL];
	bool pass_fd;
	if (protocol && !hello_has_protocol(protocol)) {
		call->reply->fields.key = key_to_string(KEY_PROTOCOL);
		return refuse(
			call, FAULT_UNSUPPORTED, "this daemon supports protocol=" PROTOCOL " only");
	}
	if (!arguments_read_flag(call, KEY_FD, false, &pass_fd) ||
		(pass_fd && !hello_pass_board(call)))
		return OUTCOME_DONE;
	struct wire_writer *line = reply_begin(call->reply, "OK");
	wire_add(line, "protocol", PROTOCOL);
	wire_add(line, "version", PACKAGE_VERSION);
	wire_add_number(line, "uid", geteuid());
	hello_add_formats(line);
	wire_add_number(line, "max-pixels", engine->options->max_pixels);
	wire_add(line, "board", engine->board.name);
	wire_add(line, "protocols", PROTOCOL);
	hello_add_features(line);
	reply_end(call->reply);
	return OUTCOME_DONE;
}
