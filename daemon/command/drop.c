/*
 * DROP: removes an image's name. Only its owner may do this.
 */
#include "daemon/command/arguments.h"
#include "daemon/command/handlers.h"
#include "daemon/command/session.h"
#include "daemon/log/log.h"
#include "daemon/store/lifetime.h"

enum outcome command_drop(struct call *call)
{
	struct session *session = call->session;
	struct store *store = &session->engine->store;
	const char *name;
	int64_t owner;
	if (!arguments_read_name(call, &name) || !arguments_read_owner(call, &owner))
		return OUTCOME_DONE;
	struct image *image = store_find_visible(store, &session->who, name, owner);
	if (!image)
		return refuse_missing(
			call, "image", "no image has this name; list the images you can access");
	if (image->owner != session->who.uid)
		return refuse(call, FAULT_NO_PERMISSION,
			"the image belongs to user %u; only this user can drop it", image->owner);
	struct log_client client = {session->who.uid, session->who.pid};
	log_write(&(struct log_entry){LOG_ENTRY(INFO, GONE), .image = name, .client = &client},
		"%s was dropped", name);
	observers_notify_change(&store->observers, image, CHANGE_DROPPED);
	image_drop(store, image);
	reply_begin(call->reply, "OK");
	reply_end(call->reply);
	return OUTCOME_DONE;
}
