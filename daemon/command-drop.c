/*
 * DROP: removes an image's name. Its owner alone may.
 */
#include "daemon/command.h"

enum outcome command_drop(struct call *call)
{
	struct session *session = call->session;
	struct store *store = &session->engine->store;
	const char *name;
	int64_t owner;
	if (!command_read_name(call, &name) || !command_read_owner(call, &owner))
		return OUTCOME_DONE;
	struct image *image = store_see(store, &session->who, name, owner);
	if (!image)
		return refuse(call, FAULT_NOT_FOUND, "no image has this name");
	if (image->owner != session->who.uid)
		return refuse(
			call, FAULT_NO_PERMISSION, "the image belongs to user %u", image->owner);
	watch_tell(&store->watches, image, CHANGE_DROPPED);
	store_drop(store, image);
	reply_begin(call->reply, "OK");
	reply_end(call->reply);
	return OUTCOME_DONE;
}
