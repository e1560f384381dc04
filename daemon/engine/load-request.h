/*
 * A LOAD that waits for its file: what was ordered, who is to be answered, and how it gets
 * aboard a flight and off it. Decodes and publishes nothing.
 */
#pragma once

#include "daemon/command/session.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/follow.h"

struct load;

/* What is to be loaded. */
struct load_order {
	const char *name;
	uid_t owner;
	gid_t group;
	int share; /* enum share, or -1 */
	int keep;  /* enum keep, or -1 */
	enum format format;
	struct box box;			 /* to fit it into */
	uint64_t batch;			 /* published when all of this number can be; 0: alone */
	int input;			 /* taken over by load_request_submit() */
	struct close_queue *close_queue; /* by which it is closed: the owner's */
	struct header_source source;	 /* of input */
};

/* One LOAD that waits for a flight. */
struct load_request {
	TAILQ_ENTRY(load_request) in_session;
	TAILQ_ENTRY(load_request) in_load;
	struct session *session; /* NULL: nobody's, for a followed file */
	struct load *load;
	struct reply *reply; /* deferred; for answer() alone */
	struct charge charge;
	struct charge pin_charge; /* so that the pin can be had in the end */
	bool pin;
	bool pass_fd;
	struct follow *follow; /* that the image is to have, or NULL; owned by this */
	bool unfollow;	       /* the image is to have none */
	/* Answers with a rendition, or with a fault and a message when that is NULL. */
	void (*answer)(struct load_request *load_request, struct rendition *rendition,
		enum fault fault, const char *message);
};

/*
 * Puts a load aboard. Returns 0; -EBUSY when too many are under way; -EDQUOT when too many of
 * the owner's are; or -ENOMEM.
 */
int load_request_submit(
	struct engine *engine, const struct load_order *order, struct load_request *load_request);

/* Takes a load back, without an answer, and frees it. */
void load_request_cancel(struct load_request *load_request);

/* Whether it loads under this name. */
bool load_request_is_for(const struct load_request *load_request, const char *name);

/* Frees it, with all that it holds; for the flight, which answers it before. */
void load_request_free(struct load_request *load_request);
