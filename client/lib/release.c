/*
 * RELEASE.
 */
#include "client/lib/release.h"

#include "client/lib/exchange.h"
#include "client/lib/internal-request.h"
#include "client/lib/options.h"
#include "client/protocol/format.h"

static void release_begin(struct shmimg_client *client, const char *name, int64_t owner,
	const struct pinned *what, struct wire_writer *writer)
{
	internal_request_begin(client, writer, "RELEASE");
	wire_add(writer, "name", name);
	options_add_owner_of(owner, writer);
	wire_add(writer, "format", format_to_string((enum format)what->format));
	options_add_box(what->size, writer);
	wire_add_number(writer, "generation", what->generation);
}

int release(
	struct shmimg_client *client, const char *name, int64_t owner, const struct pinned *what)
{
	struct wire_writer writer;
	release_begin(client, name, owner, what, &writer);
	const unsigned needed = FEATURE_ID | FEATURE_QUIET;
	if ((client->features & needed) == needed)
		return exchange_post(client, &writer);
	return internal_request_run(client, &writer);
}

int release_asked(
	struct shmimg_client *client, const char *name, int64_t owner, const struct pinned *what)
{
	struct wire_writer writer;
	release_begin(client, name, owner, what, &writer);
	return internal_request_run(client, &writer);
}
