/*
 * From what a decoder says of a file to the plan of its segment: whether that makes sense at
 * all, and which header follows from it. Believes nothing, makes nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/protocol/fit.h"
#include "client/protocol/format.h"
#include "client/protocol/header.h"
#include "daemon/config/options.h"
#include "daemon/job/job.h"

/* Whether a decoder that was asked for this format in this box may say so. */
bool layout_is_plausible(const struct job_header *said, enum format wanted, struct box box);

/*
 * Whether a picture as large as the header that was planned for it says may be had from a
 * file of the header's source: whole, as it is decoded, and in the bytes that it takes then.
 * Otherwise text says which limit is in the way, and which option of the
 * daemon's moves it.
 */
bool layout_is_within(
	const struct header *header, const struct options *options, char *text, size_t size);

/*
 * Plans a header for an image of a source, with a name of so many bytes, that was asked to fit
 * into a box. Returns 0 or a
 * negative errno, as header_plan() does.
 */
int layout_header(struct header *header, const struct job_header *said,
	const struct header_source *source, struct box box, size_t name_length, uint64_t page_size);
