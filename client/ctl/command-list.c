/*
 * shmimgctl list, stat and stats: print what the daemon reports about images and about itself. Any
 * key but "name" may be missing.
 */
#include <stdio.h>
#include <unistd.h>

#include "client/ctl/client.h"
#include "client/ctl/commands.h"
#include "client/ctl/exit.h"
#include "client/ctl/failure.h"
#include "client/ctl/listing.h"
#include "client/ctl/record.h"
#include "client/ctl/text.h"
#include "client/protocol/wire.h"

static int list_take_item(const shmimg_record *record, void *context)
{
	listing_add(context, record);
	return 0;
}

static void list_print_listing(const struct listing *listing)
{
	if (listing->count == 0) {
		fputs("no images\n", stderr);
		return;
	}
	unsigned columns = text_columns(STDOUT_FILENO);
	table_print(&listing->table, stdout, LISTING_RIGHT, columns);
	if (columns)
		printf("%lu image%s, %s%s\n", listing->count, listing->count == 1 ? "" : "s",
			listing->more ? "more than " : "", text_bytes(listing->bytes).data);
}

static int list_take_record(const shmimg_record *record, void *context)
{
	const bool *json = context;
	record_print(record, NULL, *json);
	return 0;
}

int command_list(const struct options *options)
{
	bool json = options->values[OPTION_JSON];
	struct listing listing;
	const char *match = options->count ? options->operands[0] : NULL;
	shmimg_client *client;
	int code = client_open(options, &client);
	if (code != 0)
		return code;
	listing_begin(&listing, LISTING_BY_NAME);
	int result = json ? shmimg_list(client, match, list_take_record, &json)
			  : shmimg_list(client, match, list_take_item, &listing);
	if (result < 0)
		code = failure_print_last(match ? match : "list", client, result);
	else if (!json)
		list_print_listing(&listing);
	listing_clear(&listing);
	shmimg_close(client);
	return code;
}

/* What list_stat_image() is given. */
struct list_stat {
	const struct options *options;
	bool is_shared; /* the image may be another user's, who was not asked for */
};

static int list_take_stat(const shmimg_record *record, void *context)
{
	const struct list_stat *stat = context;
	const char *owner = shmimg_record_get(record, "owner");
	uint64_t uid;
	if (stat->is_shared && owner && wire_number(owner, UINT32_MAX, &uid) == 0)
		client_print_owner(stat->options->operands[0], (uid_t)uid);
	record_print(record, NULL, stat->options->values[OPTION_JSON]);
	return 0;
}

static int list_stat_image(
	shmimg_client *client, const char *name, const struct shmimg_options *image, void *context)
{
	struct list_stat *stat = context;
	stat->is_shared = image->owner == SHMIMG_OWNER_ANY && !stat->options->values[OPTION_OWNER];
	return shmimg_stat(client, name, image, list_take_stat, stat);
}

int command_stat(const struct options *options)
{
	struct list_stat stat = {.options = options};
	shmimg_client *client;
	int code = client_open(options, &client);
	if (code != 0)
		return code;
	int result = client_by_name_of_any(
		client, options, options->operands[0], list_stat_image, &stat);
	if (result < 0)
		code = failure_print_last(options->operands[0], client, result);
	shmimg_close(client);
	return code;
}

int command_stats(const struct options *options)
{
	bool json = options->values[OPTION_JSON];
	shmimg_client *client;
	int code = client_open(options, &client);
	if (code != 0)
		return code;
	int result = shmimg_stats(client, list_take_record, &json);
	if (result < 0)
		code = failure_print_last("stats", client, result);
	shmimg_close(client);
	return code;
}
