/*
 * What command handlers share, and the way from a request to its handler.
 */
#include "daemon/command/arguments.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/protocol/name.h"
#include "daemon/engine/load.h"
#include "daemon/log/log.h"

enum { SESSION_LOADS_MAX = 32, PATTERN_MAX = 1024 };

static enum outcome (*const handlers[COMMAND_COUNT])(struct call *call) = {
#define X(constant, lower, required, optional, help) [COMMAND_##constant] = command_##lower,
	COMMAND_TABLE(X)
#undef X
};

enum outcome dispatch(struct call *call)
{
	enum outcome outcome = handlers[call->request->command](call);
	close_queue_drop(call->session->close_queue, &call->fd);
	return outcome;
}

bool dispatch_is_quiet(const struct request *request)
{
	return request->command == COMMAND_FETCH;
}

/* Loads of different names go side by side; whatever else sees what came before it done. */
bool dispatch_must_wait(const struct session *session, const struct request *request)
{
	const struct load_request *waiting;
	unsigned count = 0;
	if (TAILQ_EMPTY(&session->requests))
		return false;
	/* A user's limit is no reason to refuse what this session's own loads make room for. */
	if (request->command != COMMAND_LOAD ||
		!accounts_allow(&session->engine->accounts, session->who.uid, RESOURCE_LOADS, 1))
		return true;
	const char *name = request->values[KEY_NAME];
	if (!name)
		name = request->values[KEY_PATH];
	TAILQ_FOREACH (waiting, &session->requests, in_session) {
		if (!name || load_request_is_for(waiting, name) || ++count == SESSION_LOADS_MAX)
			return true;
	}
	return false;
}

void dispatch_on_event(struct session *session, void (*wake)(void *context), void *context)
{
	session->subscription.wake = wake;
	session->subscription.context = context;
}

bool dispatch_has_watch(const struct session *session)
{
	return session->subscription.active;
}

size_t dispatch_take_events(struct session *session, char *data, size_t size)
{
	return subscription_take(&session->subscription, data, size);
}

void dispatch_reject(
	struct session *session, struct reply *reply, enum fault fault, const char *text)
{
	command_refuse(session, reply, fault, "%s", text);
}

void dispatch_reject_request(
	struct session *session, struct reply *reply, enum request_fault fault, const char *culprit)
{
	if (fault == REQUEST_UNKNOWN_VERB)
		command_refuse(session, reply, FAULT_PROTOCOL, "%.64s is no command", culprit);
	else if (fault == REQUEST_UNKNOWN_KEY)
		command_refuse(session, reply, FAULT_PROTOCOL, "%.64s= is no key of this command",
			culprit);
	else
		command_refuse(session, reply, FAULT_INVALID_ARGUMENT, "%s= is missing", culprit);
}

/* Whoever asked for it, what failed is the daemon's. */
static void arguments_log_failed(const struct session *session, const char *message)
{
	struct log_client client = {session->who.uid, session->who.pid};
	log_write(
		&(struct log_entry){LOG_ENTRY(WARNING, FAILED), .client = &client}, "%s", message);
}

enum outcome command_refuse(
	struct session *session, struct reply *reply, enum fault fault, const char *format, ...)
{
	char message[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	session->engine->counters.errors++;
	if (fault == FAULT_INTERNAL)
		arguments_log_failed(session, message);
	reply_pass(reply, -1); /* an error brings no descriptor */
	reply_fault(reply, fault, "%s", message);
	return OUTCOME_DONE;
}

enum outcome command_refuse_quota(
	struct session *session, struct reply *reply, enum resource resource, uint64_t amount)
{
	char text[160];
	accounts_explain(
		&session->engine->accounts, session->who.uid, resource, amount, text, sizeof(text));
	return command_refuse(session, reply, FAULT_OVER_QUOTA, "%s", text);
}

bool command_read_name(struct call *call, const char **name)
{
	*name = call->request->values[KEY_NAME];
	const char *fault = name_check(*name);
	if (fault)
		refuse(call, FAULT_INVALID_ARGUMENT, "name=: %s", fault);
	return !fault;
}

bool command_read_owner(struct call *call, int64_t *owner)
{
	const char *text = call->request->values[KEY_OWNER];
	uint64_t uid;
	*owner = -1;
	if (!text)
		return true;
	/* UINT32_MAX is no user: (uid_t)-1 means "unchanged" to the kernel. */
	if (wire_number(text, UINT32_MAX - 1, &uid) < 0) {
		refuse(call, FAULT_INVALID_ARGUMENT, "owner= must be a user's number");
		return false;
	}
	*owner = (int64_t)uid;
	return true;
}

static bool arguments_read_format(struct call *call, int *format)
{
	const char *text = call->request->values[KEY_FORMAT];
	*format = -1;
	if (!text)
		return true;
	*format = format_from_string(text);
	if (*format >= 0)
		return true;
	refuse(call, FAULT_INVALID_ARGUMENT,
		"format= must be RGBA8, BGRA8-premul, RGB8, GRAY8, RGBA16, GRAY16 or native");
	return false;
}

/* A side of a box. */
static bool arguments_read_side(struct call *call, enum key key, uint32_t *side)
{
	const char *text = call->request->values[key];
	uint64_t number = 0;
	if (text && (wire_number(text, INT32_MAX, &number) < 0 || number == 0)) {
		refuse(call, FAULT_INVALID_ARGUMENT, "%s= must be a number from 1 to %d",
			key_to_string(key), INT32_MAX);
		return false;
	}
	*side = (uint32_t)number;
	return true;
}

bool command_read_wanted(struct call *call, struct wanted *wanted)
{
	if (!arguments_read_format(call, &wanted->format) ||
		!arguments_read_side(call, KEY_WIDTH, &wanted->box.width) ||
		!arguments_read_side(call, KEY_HEIGHT, &wanted->box.height))
		return false;
	wanted->is_fitted = wanted->box.width > 0 || wanted->box.height > 0;
	return true;
}

bool command_read_flag(struct call *call, enum key key, bool absent, bool *flag)
{
	const char *text = call->request->values[key];
	*flag = text ? strcmp(text, "yes") == 0 : absent;
	if (!text || *flag || strcmp(text, "no") == 0)
		return true;
	refuse(call, FAULT_INVALID_ARGUMENT, "%s= must be yes or no", key_to_string(key));
	return false;
}

bool command_check_match(struct call *call)
{
	const char *match = call->request->values[KEY_MATCH];
	if (!match || strlen(match) <= PATTERN_MAX)
		return true;
	refuse(call, FAULT_INVALID_ARGUMENT, "match= has more than %d bytes", PATTERN_MAX);
	return false;
}

/* Who asks about an image of one's own that has gone learns whether its memory has, too. */
static void arguments_refuse_missing(struct call *call, const char *name)
{
	const struct engine *engine = call->session->engine;
	uint64_t bytes = 0;
	if (call->request->command == COMMAND_STAT)
		bytes = unlinked_bytes_of(
			&engine->deferred_free.unlinked, name, call->session->who.uid);
	if (bytes > 0)
		refuse(call, FAULT_NOT_FOUND,
			"no image has this name; programs have %" PRIu64
			" bytes of one that had it mapped or open still",
			bytes);
	else
		refuse(call, FAULT_NOT_FOUND, "no image has this name");
}

static struct rendition *arguments_choose(const struct image *image, const struct wanted *wanted)
{
	const struct generation *generation = image_current(image);
	int format = wanted->format == FORMAT_NATIVE ? (int)generation->native : wanted->format;
	return generation_choose(generation, format, wanted->is_fitted ? &wanted->box : NULL);
}

/* Tells which LOAD makes what is not there. */
static void arguments_refuse_other(struct call *call, const struct wanted *wanted)
{
	char size[48] = "";
	int length = 0;
	if (wanted->box.width > 0)
		length = snprintf(size, sizeof(size), " width=%" PRIu32, wanted->box.width);
	if (wanted->box.height > 0)
		snprintf(size + length, sizeof(size) - (size_t)length, " height=%" PRIu32,
			wanted->box.height);
	refuse(call, FAULT_NOT_FOUND, "the image is not there in this %s; LOAD it with%s%s%s",
		wanted->is_fitted ? "size" : "format", wanted->format >= 0 ? " format=" : "",
		wanted->format >= 0 ? call->request->values[KEY_FORMAT] : "", size);
}

struct rendition *command_find_rendition(struct call *call)
{
	const char *name;
	int64_t owner;
	struct wanted wanted;
	if (!command_read_name(call, &name) || !command_read_owner(call, &owner) ||
		!command_read_wanted(call, &wanted))
		return NULL;
	struct store *store = &call->session->engine->store;
	struct image *image = store_find_visible(store, &call->session->who, name, owner);
	if (!image) {
		arguments_refuse_missing(call, name);
		return NULL;
	}
	struct rendition *rendition = arguments_choose(image, &wanted);
	if (!rendition)
		arguments_refuse_other(call, &wanted);
	return rendition;
}

static void arguments_describe(struct wire_writer *line, const struct rendition *rendition)
{
	const struct generation *generation = rendition->generation;
	const struct image *image = generation->image;
	char semaphore[32];
	snprintf(
		semaphore, sizeof(semaphore), "%d:%u", image->semaphore.id, image->semaphore.index);
	wire_add(line, "name", image->name);
	wire_add(line, "segment", rendition->segment);
	wire_add_number(line, "size", rendition->segment_size);
	wire_add_number(line, "offset", rendition->pixel_offset);
	wire_add_number(line, "width", rendition->width);
	wire_add_number(line, "height", rendition->height);
	wire_add_number(line, "stride", rendition->stride);
	wire_add(line, "format", format_to_string(rendition->format));
	wire_add_number(line, "generation", generation->number);
	wire_add(line, "semaphore", semaphore);
	wire_add_number(line, "slot", image->slot);
}

/* Written once, if there is memory to keep it: it is most of what a FETCH costs. */
void command_describe(struct wire_writer *line, struct rendition *rendition)
{
	if (rendition->description) {
		wire_add_fields(line, rendition->description, rendition->description_size);
		return;
	}
	size_t before = line->length;
	arguments_describe(line, rendition);
	if (line->full)
		return;
	rendition->description_size = (unsigned)(line->length - before);
	rendition->description = malloc(rendition->description_size);
	if (rendition->description)
		memcpy(rendition->description, line->data + before, rendition->description_size);
}

void command_describe_change(struct wire_writer *line, const struct rendition *rendition)
{
	if (rendition->orientation != 1)
		wire_add_number(line, "orientation", rendition->orientation);
	command_describe_whole(line, rendition);
}

void command_describe_whole(struct wire_writer *line, const struct rendition *rendition)
{
	if (!rendition_is_smaller(rendition))
		return;
	wire_add_number(line, "full-width", rendition->full_width);
	wire_add_number(line, "full-height", rendition->full_height);
}

int command_pass_segment(struct reply *reply, const struct rendition *rendition)
{
	int fd = segment_open(rendition->segment);
	if (fd < 0)
		return fd;
	reply_pass(reply, fd);
	return 0;
}
