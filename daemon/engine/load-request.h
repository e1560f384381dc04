/*
 * A LOAD that waits for its file: what was ordered, who is to be answered, and how it gets
 * aboard a flight and off it. Decodes and publishes nothing.
 */
#pragma once

#include "daemon/command/session.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/follow.h"

struct flight;

/* What is to be loaded. */
struct load_order {
	const char *name;
	uid_t owner;
	gid_t group;
	int share; /* enum share, or -1 */
	int keep;  /* enum keep, or -1 */
	enum format format;
	struct box box;			 /* to fit it into */
	uint64_t together;		 /* published when all of this number can be; 0: alone */
	int input;			 /* taken over by load_join() */
	struct close_queue *close_queue; /* by which it is closed: the owner's */
	struct header_source source;	 /* of input */
};

/* One LOAD that waits for a flight. */
struct load {
	TAILQ_ENTRY(load) in_session;
	TAILQ_ENTRY(load) in_flight;
	struct session *session; /* NULL: nobody's, for a followed file */
	struct flight *flight;
	struct reply *reply; /* deferred; for answer() alone */
	struct charge charge;
	struct charge pin_charge; /* so that the pin can be had in the end */
	bool pin;
	bool pass_fd;
	struct follow *follow; /* that the image is to have, or NULL; owned by this */
	bool unfollow;	       /* the image is to have none */
	/* Answers with a rendition, or with a fault and a message when that is NULL. */
	void (*answer)(struct load *load, struct rendition *rendition, enum fault fault,
		const char *message);
};

/*
 * Puts a load aboard. Returns 0; -EBUSY when too many are under way; -EDQUOT when too many of
 * the owner's are; or -ENOMEM.
 */
int load_join(struct engine *engine, const struct load_order *order, struct load *load);

/* Takes a load back, without an answer, and frees it. */
void load_cancel(struct load *load);

/* Whether it loads under this name. */
bool load_is_of(const struct load *load, const char *name);

/* Frees it, with all that it holds; for the flight, which answers it before. */
void load_free(struct load *load);
