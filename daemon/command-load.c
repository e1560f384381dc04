/*
 * LOAD: has a file decoded, or finds that it is decoded already.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/protocol/name.h"
#include "daemon/cleanup.h"
#include "daemon/command.h"
#include "daemon/flight.h"
#include "daemon/publish.h"
#include "daemon/source.h"

/* Answers with a rendition, and pins it first. Returns whether that went well. */
static bool answer_found(struct session *session, struct reply *reply, struct rendition *rendition,
	bool pin, bool pass_fd, bool cached)
{
	int r = pass_fd ? command_pass_segment(reply, rendition) : 0;
	if (r == 0 && pin)
		r = session_pin(session, rendition);
	if (r == -EDQUOT) {
		command_refuse_quota(session, reply, RESOURCE_PINS, 1);
		return false;
	}
	if (r < 0) {
		command_refuse(session, reply, FAULT_BUSY, "the image cannot be handed out: %s",
			strerror(-r));
		return false;
	}
	struct wire_writer *line = reply_begin(reply, "OK");
	command_describe(line, rendition);
	wire_add(line, "cached", cached ? "yes" : "no");
	if (rendition->orientation != 1)
		wire_add_number(line, "orientation", rendition->orientation);
	reply_end(reply);
	return true;
}

static void answer_load(
	struct load *load, struct rendition *rendition, enum fault fault, const char *message)
{
	struct reply *reply = load->reply;
	charge_refund(&load->pin_charge);
	if (rendition)
		answer_found(load->session, reply, rendition, load->pin, load->pass_fd, false);
	else
		command_refuse(load->session, reply, fault, "%s", message);
	reply->complete(reply);
}

static bool read_word(struct call *call, enum key key, int (*find)(const char *), int *value)
{
	const char *text = call->request->values[key];
	*value = text ? find(text) : -1;
	if (!text || *value >= 0)
		return true;
	refuse(call, FAULT_INVALID_ARGUMENT, "%s= must be one of %s", key_word(key),
		key_synopsis(key));
	return false;
}

static bool read_name(struct call *call, const char **name)
{
	const char *path = call->request->values[KEY_PATH];
	*name = call->request->values[KEY_NAME];
	if (!*name)
		*name = path;
	const char *fault = *name ? name_check(*name) : "it must be given with source=fd";
	if (fault)
		refuse(call, FAULT_INVALID_ARGUMENT, "name=: %s", fault);
	return !fault;
}

/* Opens what path= says, or takes what came with source=fd. */
static bool open_source(struct call *call, int *input)
{
	const char *path = call->request->values[KEY_PATH];
	const char *source = call->request->values[KEY_SOURCE];
	const char *message;
	enum fault fault;
	if (!path == !source || (source && strcmp(source, "fd") != 0)) {
		refuse(call, FAULT_INVALID_ARGUMENT, "give either path= or source=fd");
		return false;
	}
	if (path) {
		*input = source_open(path, &call->session->who, &fault, &message);
		if (*input >= 0)
			return true;
		refuse(call, fault, "path=: %s", message);
		return false;
	}
	if (call->fd < 0) {
		refuse(call, FAULT_INVALID_ARGUMENT, "source=fd: no descriptor came with the line");
		return false;
	}
	fault = source_check(call->fd, &message);
	if (fault) {
		refuse(call, fault, "source=fd: %s", message);
		return false;
	}
	*input = take_fd(&call->fd);
	return true;
}

/* The rendition that an order asks for, if it is in memory, decoded from the same file. */
static struct rendition *find_cached(struct store *store, const struct load_order *order)
{
	struct image *image = store_find(store, order->name, order->owner);
	if (!image || !publish_continues(image, order->share, order->group) ||
		!source_equal(&image_current(image)->source, &order->source))
		return NULL;
	return command_choose(image, (int)order->format);
}

static enum outcome answer_cached(
	struct call *call, struct rendition *rendition, int keep, bool pin, bool pass_fd)
{
	struct engine *engine = call->session->engine;
	struct image *image = rendition->generation->image;
	engine->counters.hits++;
	store_touch(&engine->store, image);
	if (answer_found(call->session, call->reply, rendition, pin, pass_fd, true) && keep >= 0)
		image->keep = (enum keep)keep;
	return OUTCOME_DONE;
}

/* Frees the load. */
static enum outcome refuse_flight(struct call *call, struct load *load, int error)
{
	struct reply *reply = load && load->reply ? load->reply : call->reply;
	if (error == -EDQUOT)
		command_refuse_quota(call->session, reply,
			load->pin && !load->pin_charge.account ? RESOURCE_PINS : RESOURCE_LOADS, 1);
	else
		command_refuse(call->session, reply, FAULT_BUSY,
			error == -EBUSY ? "too many loads are under way"
					: "the daemon has no memory left");
	if (load)
		charge_refund(&load->pin_charge);
	free(load);
	if (reply == call->reply)
		return OUTCOME_DONE;
	reply->complete(reply);
	return OUTCOME_LATER;
}

/* Charges the pin first: what has been decoded shall not be refused for want of it. */
static int charge_and_join(const struct load_order *order, struct load *load)
{
	struct session *session = load->session;
	int r = 0;
	if (load->pin)
		r = accounts_charge(&session->engine->accounts, &load->pin_charge, session->who.uid,
			RESOURCE_PINS, 1);
	return r < 0 ? r : flight_join(order, load);
}

/* Takes order->input over. */
static enum outcome board_flight(
	struct call *call, const struct load_order *order, bool pin, bool pass_fd)
{
	struct load *load = calloc(1, sizeof(*load));
	int r = -ENOMEM;
	if (load)
		load->reply = call->reply->defer(call->reply);
	if (load && load->reply) {
		load->session = call->session;
		load->pin = pin;
		load->pass_fd = pass_fd;
		load->answer = answer_load;
		r = charge_and_join(order, load);
	}
	if (r == 0)
		return OUTCOME_LATER;
	close(order->input);
	return refuse_flight(call, load, r);
}

enum outcome command_load(struct call *call)
{
	struct session *session = call->session;
	struct load_order order = {.owner = session->who.uid, .group = session->who.gid};
	bool pin, pass_fd;
	int format;
	OWN_FD int input = -1;
	session->engine->counters.loads++;
	if (!read_name(call, &order.name) || !command_read_format(call, &format) ||
		!read_word(call, KEY_SHARE, share_find, &order.share) ||
		!read_word(call, KEY_KEEP, keep_find, &order.keep) ||
		!command_read_flag(call, KEY_PIN, true, &pin) ||
		!command_read_flag(call, KEY_FD, false, &pass_fd) || !open_source(call, &input))
		return OUTCOME_DONE;
	if (order.keep == KEEP_ATTACHED && !pin)
		return refuse(call, FAULT_INVALID_ARGUMENT,
			"keep=attached needs a pin: the image would go at once");
	int r = source_identify(input, &order.source);
	if (r < 0)
		return refuse(
			call, FAULT_INTERNAL, "the file cannot be looked at: %s", strerror(-r));
	order.format = format < 0 ? FORMAT_RGBA8 : (enum format)format;
	struct rendition *cached = find_cached(&session->engine->store, &order);
	if (cached)
		return answer_cached(call, cached, order.keep, pin, pass_fd);
	order.input = take_fd(&input);
	return board_flight(call, &order, pin, pass_fd);
}
