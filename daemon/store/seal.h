/*
 * Seals: the daemon's proof that it wrote the header of a segment. The next daemon adopts no other
 * header, because a decoder can write to its segment, and whoever can read a header can copy it.
 */
#pragma once

#include <stdbool.h>

#include "client/protocol/header.h"
#include "daemon/segment/identity.h"

/*
 * Completes a header, with its seal and its checksum. All other fields must be set before. segment
 * is the name that the segment will have, name the image's name.
 */
void seal_header(const struct identity *identity, struct header *header, const char *segment,
	const char *name);

/*
 * Whether a daemon with this key sealed the header for the segment of this name. header_check()
 * must have found the header good; name has header->name_length bytes.
 */
bool seal_is_good(const struct identity *identity, const struct header *header, const char *segment,
	const char *name);
