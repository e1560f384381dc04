/*
 * LOAD: decodes a file, or answers with the rendition that was decoded before.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "client/protocol/name.h"
#include "daemon/base/cleanup.h"
#include "daemon/command/arguments.h"
#include "daemon/command/describe.h"
#include "daemon/command/handlers.h"
#include "daemon/command/session.h"
#include "daemon/engine/follow.h"
#include "daemon/engine/load-request.h"
#include "daemon/file/source.h"
#include "daemon/store/lifetime.h"
#include "daemon/store/publish.h"

/* What a request asks for besides the image. */
struct load_options {
	bool pin;
	bool pass_fd;
	bool follow;   /* the file, from now on */
	bool unfollow; /* the file that the image follows */
};

/* A LOAD that waits for its image to be decoded. */
struct load_call {
	struct load_waiter waiter; /* first: the waiter is the call */
	struct pending pending;
	struct session *session;
	struct reply *reply; /* deferred */
	struct load_options options;
	struct charge pin_charge; /* reserves the pin */
	struct follow *follow;	  /* for the image, or NULL; owned by this */
};

/* Pins a rendition and answers with it. Returns false after answering with an error. */
static bool load_answer_found(struct session *session, struct reply *reply,
	struct rendition *rendition, bool pin, bool pass_fd, bool cached)
{
	int r = pass_fd ? describe_pass_segment(reply, rendition) : 0;
	if (r == 0 && pin)
		r = session_pin(session, rendition);
	if (r == -EDQUOT) {
		call_refuse_quota(session, reply, RESOURCE_PINS, 1);
		return false;
	}
	if (r < 0) {
		call_refuse(session, reply, FAULT_BUSY,
			"the daemon cannot pin the image or open its segment: %s", strerror(-r));
		return false;
	}
	struct wire_writer *line = reply_begin(reply, "OK");
	describe_rendition(line, rendition);
	wire_add(line, "cached", cached ? "yes" : "no");
	describe_change(line, rendition);
	reply_end(reply);
	return true;
}

/* Gives *follow to the image, or ends the image's follow. */
static void load_change_following(struct image *image, struct follow **follow, bool unfollow)
{
	if (*follow)
		follow_attach(*follow, image);
	else if (unfollow)
		follow_free(image->follow);
	*follow = NULL;
}

static void load_call_free(struct load_call *load_call)
{
	charge_refund(&load_call->pin_charge);
	follow_free(load_call->follow);
	free(load_call);
}

static void load_call_on_done(struct load_waiter *waiter, struct rendition *rendition,
	enum fault fault, const char *message)
{
	struct load_call *load_call = (struct load_call *)waiter;
	struct session *session = load_call->session;
	const struct load_options *options = &load_call->options;
	struct reply *reply = load_call->reply;
	charge_refund(&load_call->pin_charge);
	if (!rendition) {
		reply->fields = waiter->load->fields;
		call_refuse(session, reply, fault, "%s", message);
	} else if (load_answer_found(
			   session, reply, rendition, options->pin, options->pass_fd, false))
		load_change_following(
			rendition->generation->image, &load_call->follow, options->unfollow);
	reply->complete(reply);
	TAILQ_REMOVE(&session->pending, &load_call->pending, link);
	load_call_free(load_call);
}

static void load_call_cancel(struct pending *pending)
{
	struct load_call *load_call =
		(struct load_call *)((char *)pending - offsetof(struct load_call, pending));
	load_request_cancel(&load_call->waiter);
	load_call_free(load_call);
}

static void load_call_answer_cancelled(struct pending *pending)
{
	struct load_call *load_call =
		(struct load_call *)((char *)pending - offsetof(struct load_call, pending));
	struct reply *reply = load_call->reply;
	struct session *session = load_call->session;
	load_call_cancel(pending);
	call_refuse_cancelled(session, reply);
	reply->complete(reply);
}

static bool load_read_word(struct call *call, enum key key, int (*find)(const char *), int *value)
{
	const char *text = call->request->values[key];
	*value = text ? find(text) : -1;
	if (!text || *value >= 0)
		return true;
	refuse_key(call, key, "%s= must be one of %s", key_to_string(key), key_synopsis(key));
	return false;
}

static bool load_read_name(struct call *call, const char **name)
{
	const char *path = call->request->values[KEY_PATH];
	*name = call->request->values[KEY_NAME];
	if (!*name)
		*name = path;
	const char *fault = *name ? name_check(*name) : "source=fd needs a name; add name=";
	if (fault)
		refuse_key(call, call->request->values[KEY_NAME] || !path ? KEY_NAME : KEY_PATH,
			"%s", fault);
	return !fault;
}

static void load_refuse_source(
	struct call *call, enum key key, enum fault fault, const char *message)
{
	if (fault == FAULT_NOT_FOUND)
		call->reply->fields.what = "file";
	else if (fault == FAULT_INVALID_ARGUMENT)
		call->reply->fields.key = key_to_string(key);
	refuse(call, fault, "%s", message);
}

/* Opens the file of path=, or takes the descriptor of source=fd. */
static bool load_open_source(struct call *call, int *input)
{
	const char *path = call->request->values[KEY_PATH];
	const char *source = call->request->values[KEY_SOURCE];
	const char *message;
	enum fault fault;
	if (!path == !source || (source && strcmp(source, "fd") != 0)) {
		refuse_key(call, KEY_SOURCE, "give either path= or source=fd");
		return false;
	}
	if (path) {
		*input = source_open(
			path, &call->session->who, call->session->close_queue, &fault, &message);
		if (*input >= 0)
			return true;
		load_refuse_source(call, KEY_PATH, fault, message);
		return false;
	}
	if (call->fd < 0) {
		refuse_key(call, KEY_SOURCE,
			"no descriptor came with source=fd; send one with the line");
		return false;
	}
	fault = source_check(call->fd, &message);
	if (fault) {
		load_refuse_source(call, KEY_SOURCE, fault, message);
		return false;
	}
	*input = take_fd(&call->fd);
	return true;
}

/* Reads watch=: whether to follow the path from now on, or to end the image's follow. */
static bool load_read_watch(struct call *call, bool *follow, bool *unfollow)
{
	const char *text = call->request->values[KEY_WATCH];
	if (!arguments_read_flag(call, KEY_WATCH, false, follow))
		return false;
	*unfollow = text && !*follow;
	if (!*follow || call->request->values[KEY_PATH])
		return true;
	refuse_key(call, KEY_WATCH, "the daemon cannot follow an open file; load it by its path");
	return false;
}

static void load_refuse_to_follow(struct call *call, int error, unsigned entries)
{
	if (error == -EDQUOT)
		call_refuse_quota(call->session, call->reply, RESOURCE_FOLLOWS, entries);
	else if (error == -EUSERS)
		refuse(call, FAULT_OVER_QUOTA,
			"the kernel does not let the daemon watch more folders; raise "
			"/proc/sys/fs/inotify/max_user_watches");
	else if (error == -ENAMETOOLONG)
		refuse_key(call, KEY_PATH,
			"the path has too many folders or links to watch; use a shorter path");
	else if (error == -EREMOTE)
		refuse(call, FAULT_NO_PERMISSION,
			"the daemon cannot follow a file on a file system that a program or "
			"another machine serves; load the file without following it");
	else if (error == -EACCES)
		refuse(call, FAULT_NO_PERMISSION,
			"the daemon may not watch a folder of the path; change its permissions, or "
			"load the file without following it");
	else if (error == -ENOSPC)
		refuse(call, FAULT_NO_SPACE, "/dev/shm is full");
	else
		refuse(call, FAULT_BUSY, "the daemon cannot follow the file: %s", strerror(-error));
}

/* Watches the path before the file is decoded, so that no change is missed. */
static bool load_begin_to_follow(struct call *call, const char *name, struct follow **follow)
{
	struct session *session = call->session;
	unsigned entries = 0;
	int r = follow_new(&session->engine->follows, name, session->who.uid,
		call->request->values[KEY_PATH], follow, &entries);
	if (r < 0)
		load_refuse_to_follow(call, r, entries);
	return r == 0;
}

/* The rendition that an order asks for, if it is in memory, decoded from the same file. */
static struct rendition *load_find_cached(struct store *store, const struct load_order *order)
{
	struct image *image = store_find(store, order->name, order->owner);
	if (!image || !publish_continues(image, order->share, order->group) ||
		!header_source_equal(&image_current(image)->source, &order->source))
		return NULL;
	const struct generation *generation = image_current(image);
	return generation_find(generation,
		order->format == FORMAT_NATIVE ? generation->native : order->format, order->box);
}

static enum outcome load_answer_cached(struct call *call, struct rendition *rendition,
	const struct load_order *order, const struct load_options *options)
{
	struct engine *engine = call->session->engine;
	struct image *image = rendition->generation->image;
	struct follow *follow = NULL;
	if (options->follow && !follow_is_of(image->follow, call->request->values[KEY_PATH]) &&
		!load_begin_to_follow(call, order->name, &follow))
		return OUTCOME_DONE;
	engine->counters.hits++;
	image_touch(image);
	rendition_touch(rendition);
	if (!load_answer_found(
		    call->session, call->reply, rendition, options->pin, options->pass_fd, true)) {
		follow_free(follow);
		return OUTCOME_DONE;
	}
	rendition_add_box(rendition, order->box);
	if (order->keep >= 0)
		image_set_keep(image, (enum keep)order->keep);
	load_change_following(image, &follow, options->unfollow);
	return OUTCOME_DONE;
}

static void load_refuse(
	struct session *session, struct reply *reply, const struct load_call *load_call, int error)
{
	if (error != -EDQUOT)
		call_refuse(session, reply, FAULT_BUSY,
			error == -EBUSY ? "too many loads are under way"
					: "the daemon has no memory left");
	else if (load_call->options.pin && !load_call->pin_charge.account)
		call_refuse_quota(session, reply, RESOURCE_PINS, 1);
	else
		call_refuse_quota(session, reply, RESOURCE_LOADS, 1);
}

/* Charges the pin first, so that no image is decoded that cannot be pinned. */
static int load_call_submit(struct load_call *load_call, const struct load_order *order)
{
	struct session *session = load_call->session;
	int r = 0;
	if (load_call->options.pin)
		r = accounts_charge(&session->engine->accounts, &load_call->pin_charge,
			session->who.uid, RESOURCE_PINS, 1);
	if (r == 0)
		r = load_request_submit(&session->engine->loader, order, &load_call->waiter);
	if (r < 0)
		return r;
	load_call->pending.name = load_call->waiter.load->name;
	TAILQ_INSERT_TAIL(&session->pending, &load_call->pending, link);
	return 0;
}

/* Takes follow over. Returns NULL without memory. */
static struct load_call *load_call_new(
	struct call *call, const struct load_options *options, struct follow *follow)
{
	struct load_call *load_call = calloc(1, sizeof(*load_call));
	if (!load_call) {
		follow_free(follow);
		return NULL;
	}
	load_call->waiter.uid = call->session->who.uid;
	load_call->waiter.pid = call->session->who.pid;
	load_call->waiter.done = load_call_on_done;
	load_call->pending.cancel = load_call_cancel;
	load_call->pending.answer_cancelled = load_call_answer_cancelled;
	load_call->session = call->session;
	load_call->options = *options;
	load_call->follow = follow;
	load_call->reply = call->reply->defer(call->reply);
	if (load_call->reply) {
		load_call->pending.id = load_call->reply->id;
		return load_call;
	}
	load_call_free(load_call);
	return NULL;
}

/* Takes order->input over. */
static enum outcome load_submit(
	struct call *call, const struct load_order *order, const struct load_options *options)
{
	struct follow *follow = NULL;
	if (options->follow && !load_begin_to_follow(call, order->name, &follow)) {
		close_queue_add(order->close_queue, order->input);
		return OUTCOME_DONE;
	}
	struct load_call *load_call = load_call_new(call, options, follow);
	int r = load_call ? load_call_submit(load_call, order) : -ENOMEM;
	if (r == 0)
		return OUTCOME_LATER;
	close_queue_add(order->close_queue, order->input);
	if (!load_call) {
		load_refuse(call->session, call->reply, NULL, r);
		return OUTCOME_DONE;
	}
	struct reply *reply = load_call->reply;
	load_refuse(call->session, reply, load_call, r);
	load_call_free(load_call);
	reply->complete(reply);
	return OUTCOME_LATER;
}

enum outcome command_load(struct call *call)
{
	struct session *session = call->session;
	struct load_order order = {.owner = session->who.uid,
		.group = session->who.gid,
		.close_queue = session->close_queue};
	struct load_options options;
	struct wanted wanted;
	OWN_FILE struct open_file input = {session->close_queue, -1};
	session->engine->counters.loads++;
	if (!load_read_name(call, &order.name) || !arguments_read_wanted(call, &wanted) ||
		!load_read_word(call, KEY_SHARE, share_from_string, &order.share) ||
		!load_read_word(call, KEY_KEEP, keep_from_string, &order.keep) ||
		!arguments_read_flag(call, KEY_PIN, true, &options.pin) ||
		!arguments_read_flag(call, KEY_FD, false, &options.pass_fd) ||
		!load_read_watch(call, &options.follow, &options.unfollow) ||
		!load_open_source(call, &input.fd))
		return OUTCOME_DONE;
	if (order.keep == KEEP_ATTACHED && !options.pin)
		return refuse_key(call, KEY_PIN,
			"without a pin, an image with keep=attached would be dropped at once; pin "
			"it, or "
			"choose another keep");
	int r = source_identify(input.fd, &order.source);
	if (r < 0)
		return refuse(call, FAULT_INTERNAL,
			"the daemon cannot read the status of the file: %s", strerror(-r));
	/* Files of /proc also look empty; reading one may block. */
	if (order.source.size == 0)
		return refuse(call, FAULT_NOT_AN_IMAGE, "the file is empty");
	order.format = wanted.format < 0 ? FORMAT_RGBA8 : (enum format)wanted.format;
	order.box = wanted.box;
	struct rendition *cached = load_find_cached(&session->engine->store, &order);
	if (cached)
		return load_answer_cached(call, cached, &order, &options);
	order.input = take_fd(&input.fd);
	return load_submit(call, &order, &options);
}
