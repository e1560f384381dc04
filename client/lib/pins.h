/*
 * The pins of a client, so that the next daemon can be asked for them again. There is one entry
 * for each pin of the daemon, so the daemon's limit of pins limits the entries too. Never talks
 * to the daemon.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/protocol/fit.h"

/* A rendition. No two images have the same generation. */
struct pinned {
	uint64_t generation;
	uint32_t format;
	struct box size;
};

struct pin {
	struct pinned what;
	uid_t owner;
	bool held; /* by the current connection */
	char name[];
};

/* All zero: there are no pins. */
struct pins {
	struct pin **all; /* sorted by rendition */
	size_t count;
	size_t capacity;
	size_t missing; /* pins that are not held */
};

/* The pin on a rendition, or NULL. */
struct pin *pins_find(const struct pins *pins, const struct pinned *what);

/* Adds a pin that the current connection holds, unless it exists. Returns 0 or -ENOMEM. */
int pins_add(struct pins *pins, const char *name, uid_t owner, const struct pinned *what);

/* Marks a pin as held by the current connection. */
void pins_hold(struct pins *pins, struct pin *pin);

/* Removes a pin and frees it. */
void pins_forget(struct pins *pins, struct pin *pin);

/* The connection was lost: marks all pins as not held. */
void pins_lose(struct pins *pins);

/* Removes all pins. */
void pins_clear(struct pins *pins);
