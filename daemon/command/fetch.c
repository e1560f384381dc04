/*
 * FETCH and RELEASE: pin and unpin images for a session.
 */
#include <errno.h>
#include <string.h>

#include "daemon/command/arguments.h"
#include "daemon/command/describe.h"
#include "daemon/command/handlers.h"
#include "daemon/command/session.h"

/* Tells the owner of another user's image, so that nobody takes it for one's own. */
static void fetch_describe_owner(
	struct wire_writer *line, const struct image *image, const struct session *session)
{
	if (image->owner != session->who.uid)
		wire_add_number(line, "owner", image->owner);
}

enum outcome command_fetch(struct call *call)
{
	struct session *session = call->session;
	bool pass_fd;
	session->engine->counters.fetches++;
	if (!arguments_read_flag(call, KEY_FD, false, &pass_fd))
		return OUTCOME_DONE;
	struct rendition *rendition = arguments_find_rendition(call);
	if (!rendition)
		return OUTCOME_DONE;
	int r = pass_fd ? describe_pass_segment(call->reply, rendition) : 0;
	if (r < 0)
		return refuse(
			call, FAULT_BUSY, "the daemon cannot open the segment: %s", strerror(-r));
	r = session_pin(session, rendition);
	if (r == -EDQUOT)
		return call_refuse_pin(session, call->reply);
	if (r < 0)
		return refuse(call, FAULT_BUSY, "the daemon has no memory left");
	struct wire_writer *line = reply_begin(call->reply, "OK");
	describe_rendition(line, rendition);
	describe_change(line, rendition);
	fetch_describe_owner(line, rendition->generation->image, session);
	reply_end(call->reply);
	return OUTCOME_DONE;
}

static bool fetch_read_generation(struct call *call, uint64_t *generation)
{
	const char *text = call->request->values[KEY_GENERATION];
	*generation = 0;
	if (!text || (wire_number(text, UINT64_MAX, generation) == 0 && *generation > 0))
		return true;
	refuse_key(call, KEY_GENERATION, "generation= must be a number above 0");
	return false;
}

enum outcome command_release(struct call *call)
{
	struct pin_filter filter;
	struct wanted wanted;
	unsigned count;
	if (!arguments_read_name(call, &filter.name) ||
		!arguments_read_owner(call, &filter.owner) ||
		!arguments_read_wanted(call, &wanted) ||
		!fetch_read_generation(call, &filter.generation))
		return OUTCOME_DONE;
	filter.format = wanted.format;
	filter.box = wanted.is_fitted ? &wanted.box : NULL;
	if (filter.format == FORMAT_NATIVE)
		return refuse_key(call, KEY_FORMAT,
			"format= must be the format of the pinned image, not native");
	if (!session_release(call->session, &filter, &count))
		return OUTCOME_MORE;
	if (count == 0)
		return refuse_missing(call, "pin",
			"this connection has no pin on such an image; fetch or load it first");
	reply_begin(call->reply, "OK");
	reply_end(call->reply);
	return OUTCOME_DONE;
}
