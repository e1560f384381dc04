/*
 * The layout of a segment: checks the header that a decoder has reported, and computes the
 * segment's header from it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/protocol/fit.h"
#include "client/protocol/format.h"
#include "client/protocol/header.h"
#include "daemon/config/options.h"
#include "daemon/job/job.h"

/*
 * Whether a reported header is valid: its values are in range, agree with each other, and answer
 * a job with this format and box.
 */
bool layout_is_plausible(const struct job_header *reported, enum format wanted, struct box box);

/*
 * Whether the image of a header from layout_header() is within the limits of the options: pixels of
 * the whole picture, pixels for each byte of the file, and bytes of the segment.
 * If not, text gets the limit that is exceeded and the option that raises it.
 */
bool layout_is_within(
	const struct header *header, const struct options *options, char *text, size_t size);

/*
 * Computes the header of a segment from a reported header that is plausible. The image has a name
 * of name_length bytes and is fitted into the box. Returns 0 or a negative errno, as header_plan()
 * does.
 */
int layout_header(struct header *header, const struct job_header *reported,
	const struct header_source *source, struct box box, size_t name_length, uint64_t page_size);
