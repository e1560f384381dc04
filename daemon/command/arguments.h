/*
 * The values of a request's keys: reads and checks them, and finds the rendition that they
 * name.
 */
#pragma once

#include "client/protocol/header.h"
#include "daemon/command/call.h"
#include "daemon/store/image.h"

/* The rendition of an image that a request asks for. */
struct wanted {
	int format;	/* -1: any */
	bool is_fitted; /* into the box; else any size */
	struct box box;
};

/*
 * Each reads one key, or the keys of a rendition. Returns true with the value, or with the
 * default when the key is absent; otherwise answers invalid-argument and returns false.
 */
bool arguments_read_name(struct call *call, const char **name);
bool arguments_read_owner(struct call *call, int64_t *owner); /* default: OWNER_SELF */
bool arguments_read_wanted(struct call *call, struct wanted *wanted);
bool arguments_read_flag(struct call *call, enum key key, bool absent, bool *flag);

/* Checks match=: answers invalid-argument and returns false when it is too long. */
bool arguments_check_match(struct call *call);

/*
 * Finds the rendition that name=, owner= and the keys of a rendition ask for. Returns NULL
 * when there is none, after answering why.
 */
struct rendition *arguments_find_rendition(struct call *call);
