/*
 * What a client holds pins on, so that they can be taken again from the next daemon. One
 * record for each pin that the daemon gave, so that what bounds those bounds these. Never
 * talks to the daemon.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/protocol/fit.h"

/* The rendition that is pinned: no other image has the same. */
struct pinned {
	uint64_t generation;
	uint32_t format;
	struct box size;
};

struct pin {
	struct pinned what;
	uid_t owner;
	bool held; /* by the present connection */
	char name[];
};

/* Zeroed: there is none. */
struct pins {
	struct pin **all; /* in order of what is pinned */
	size_t count;
	size_t capacity;
	size_t missing; /* those that are not held */
};

/* The pin on a rendition, or NULL. */
struct pin *pins_find(const struct pins *pins, const struct pinned *what);

/* Notes a pin that the present connection holds, if it is not yet. Returns 0 or -ENOMEM. */
int pins_add(struct pins *pins, const char *name, uid_t owner, const struct pinned *what);

/* Notes that the present connection holds a pin again. */
void pins_hold(struct pins *pins, struct pin *pin);

/* Forgets a pin and frees it. */
void pins_forget(struct pins *pins, struct pin *pin);

/* No connection holds any of them any more. */
void pins_lose(struct pins *pins);

/* Forgets all. */
void pins_clear(struct pins *pins);
