/*
 * The log's messages about loads.
 */
#include "daemon/engine/load-log.h"

#include <inttypes.h>
#include <stdio.h>

void load_log_loaded(const struct log_client *client, const struct rendition *rendition)
{
	const char *name = rendition->generation->image->name;
	char whole[40] = "";
	if (rendition_is_smaller(rendition))
		snprintf(whole, sizeof(whole), " of %" PRIu32 "x%" PRIu32, rendition->full_width,
			rendition->full_height);
	log_write(&(struct log_entry){LOG_ENTRY(INFO, LOADED), .image = name,
			  .segment = rendition->segment, .client = client},
		"loaded %s: %" PRIu32 "x%" PRIu32 "%s %s, %" PRIu64 " bytes", name,
		rendition->width, rendition->height, whole, format_to_string(rendition->format),
		rendition->segment_size);
}

/*
 * A fault of a file, or a limit of a user, concerns that user only: it is information. A shortage
 * concerns the administrator: it is a warning. A decoder that died has its own message.
 */
static enum log_level load_log_level_of(enum fault fault)
{
	bool concerns_all =
		fault == FAULT_NO_SPACE || fault == FAULT_BUSY || fault == FAULT_INTERNAL;
	return concerns_all ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
}

void load_log_not_loaded(
	const struct log_client *client, const char *name, enum fault fault, const char *message)
{
	struct log_entry entry = {LOG_ENTRY(INFO, NOT_LOADED), .image = name,
		.fault = fault_to_string(fault), .client = client};
	entry.level = load_log_level_of(fault);
	log_write(&entry, "cannot load %s: %s: %s", name, entry.fault, message);
}
