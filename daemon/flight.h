/*
 * Loads under way: one flight for all LOADs of the same file under the same name and
 * format, from the queue for a decoder to the published rendition. A flight without
 * passengers is cancelled. Answers its passengers by the function they gave.
 */
#pragma once

#include "daemon/engine.h"
#include "daemon/session.h"

/* What is to be loaded. */
struct load_order {
	const char *name;
	uid_t owner;
	gid_t group;
	int share; /* enum share, or -1 */
	int keep;  /* enum keep, or -1 */
	enum format format;
	int input;		     /* taken over by flight_join() */
	struct header_source source; /* of input */
};

/* One LOAD that waits for a flight. */
struct load {
	TAILQ_ENTRY(load) in_session;
	TAILQ_ENTRY(load) in_flight;
	struct session *session;
	struct flight *flight;
	struct reply *reply; /* deferred */
	struct charge charge;
	struct charge pin_charge; /* so that the pin can be had in the end */
	bool pin;
	bool pass_fd;
	/* Answers with a rendition, or with a fault and a message when that is NULL. */
	void (*answer)(struct load *load, struct rendition *rendition, enum fault fault,
		const char *message);
};

/*
 * Puts a load aboard. Returns 0; -EBUSY when too many are under way; -EDQUOT when too many of
 * the session's user are; or -ENOMEM.
 */
int flight_join(const struct load_order *order, struct load *load);

/* Takes a load back, without an answer, and frees it. */
void load_cancel(struct load *load);

/* Whether it loads under this name. */
bool load_is_of(const struct load *load, const char *name);
