/*
 * The values of a request's keys.
 */
#include "daemon/command/arguments.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/protocol/name.h"
#include "daemon/base/glob.h"
#include "daemon/command/session.h"

bool arguments_read_name(struct call *call, const char **name)
{
	*name = call->request->values[KEY_NAME];
	const char *fault = name_check(*name);
	if (fault)
		refuse_key(call, KEY_NAME, "%s", fault);
	return !fault;
}

bool arguments_read_owner(struct call *call, int64_t *owner)
{
	const char *text = call->request->values[KEY_OWNER];
	uint64_t uid;
	*owner = text ? OWNER_ANY : OWNER_SELF;
	if (!text || strcmp(text, "any") == 0)
		return true;
	/* UINT32_MAX is no user: (uid_t)-1 means "unchanged" to the kernel. */
	if (wire_number(text, UINT32_MAX - 1, &uid) < 0) {
		refuse_key(call, KEY_OWNER, "owner= must be a user's number or any");
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
	refuse_key(call, KEY_FORMAT,
		"format= must be RGBA8, BGRA8-premul, RGB8, GRAY8, RGBA16, GRAY16 or native");
	return false;
}

/* A side of a box. */
static bool arguments_read_side(struct call *call, enum key key, uint32_t *side)
{
	const char *text = call->request->values[key];
	uint64_t number = 0;
	if (text && (wire_number(text, INT32_MAX, &number) < 0 || number == 0)) {
		refuse_key(call, key, "%s= must be a number from 1 to %d", key_to_string(key),
			INT32_MAX);
		return false;
	}
	*side = (uint32_t)number;
	return true;
}

bool arguments_read_wanted(struct call *call, struct wanted *wanted)
{
	if (!arguments_read_format(call, &wanted->format) ||
		!arguments_read_side(call, KEY_WIDTH, &wanted->box.width) ||
		!arguments_read_side(call, KEY_HEIGHT, &wanted->box.height))
		return false;
	wanted->is_fitted = wanted->box.width > 0 || wanted->box.height > 0;
	return true;
}

bool arguments_read_flag(struct call *call, enum key key, bool absent, bool *flag)
{
	const char *text = call->request->values[key];
	*flag = text ? strcmp(text, "yes") == 0 : absent;
	if (!text || *flag || strcmp(text, "no") == 0)
		return true;
	refuse_key(call, key, "%s= must be yes or no", key_to_string(key));
	return false;
}

bool arguments_check_match(struct call *call)
{
	const char *match = call->request->values[KEY_MATCH];
	if (!match || strlen(match) <= GLOB_PATTERN_MAX)
		return true;
	refuse_key(call, KEY_MATCH, "the pattern has more than %d bytes; use a shorter one",
		GLOB_PATTERN_MAX);
	return false;
}

/* To the owner of a removed image, STAT also says how much of its memory is still in use. */
static void arguments_refuse_missing(struct call *call, const char *name)
{
	const struct engine *engine = call->session->engine;
	uint64_t bytes = 0;
	if (call->request->command == COMMAND_STAT)
		bytes = unlinked_bytes_of(
			&engine->deferred_free.unlinked, name, call->session->who.uid);
	if (bytes > 0)
		refuse_missing(call, "image",
			"no image has this name, but programs still use %" PRIu64
			" bytes of one that had it",
			bytes);
	else
		refuse_missing(call, "image", "no image has this name");
}

static struct rendition *arguments_choose(const struct image *image, const struct wanted *wanted)
{
	const struct generation *generation = image_current(image);
	int format = wanted->format == FORMAT_NATIVE ? (int)generation->native : wanted->format;
	return generation_choose(generation, format, wanted->is_fitted ? &wanted->box : NULL);
}

/* Answers with the keys of the LOAD that would make the rendition. */
static void arguments_refuse_other(struct call *call, const struct wanted *wanted)
{
	char size[48] = "";
	int length = 0;
	if (wanted->box.width > 0)
		length = snprintf(size, sizeof(size), " width=%" PRIu32, wanted->box.width);
	if (wanted->box.height > 0)
		snprintf(size + length, sizeof(size) - (size_t)length, " height=%" PRIu32,
			wanted->box.height);
	refuse_missing(call, "rendition", "the image was not loaded in this %s; load it with%s%s%s",
		wanted->is_fitted ? "size" : "format", wanted->format >= 0 ? " format=" : "",
		wanted->format >= 0 ? call->request->values[KEY_FORMAT] : "", size);
}

struct rendition *arguments_find_rendition(struct call *call)
{
	const char *name;
	int64_t owner;
	struct wanted wanted;
	if (!arguments_read_name(call, &name) || !arguments_read_owner(call, &owner) ||
		!arguments_read_wanted(call, &wanted))
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
