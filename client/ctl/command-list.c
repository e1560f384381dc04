/*
 * shmimgctl list, stat and stats: what the daemon tells of its images and of itself. Takes
 * no key for granted but name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pwd.h>

#include "client/ctl/client.h"
#include "client/ctl/commands.h"
#include "client/ctl/exit.h"
#include "client/ctl/failure.h"
#include "client/ctl/record.h"
#include "client/ctl/table.h"
#include "client/ctl/text.h"
#include "client/protocol/wire.h"

/* Columns aligned to the right: sizes and pins. */
enum { RIGHT = 1u << 1 | 1u << 3 | 1u << 4 };

struct listing {
	bool json;
	struct table table;
	unsigned long count;
	uint64_t bytes;
	bool more; /* images have other formats beside the one whose bytes are known */
};

static const char *value_of(const shmimg_record *record, const char *key)
{
	const char *value = shmimg_record_get(record, key);
	return value ? value : "";
}

/* Somebody else's name, or nothing for one's own. */
static void describe_owner(const char *owner, char *out, size_t size)
{
	uint64_t uid;
	out[0] = '\0';
	if (wire_number(owner, UINT32_MAX, &uid) < 0 || uid == getuid())
		return;
	const struct passwd *user = getpwuid((uid_t)uid);
	snprintf(out, size, "%s", user ? user->pw_name : owner);
}

/* "1234", "1234 +2" with two that wait, or nothing when it is free. */
static void describe_lock(const shmimg_record *record, char *out, size_t size)
{
	const char *holder = value_of(record, "lock");
	const char *waiters = value_of(record, "waiters");
	if (strcmp(holder, "free") == 0)
		holder = "";
	bool some = *waiters && strcmp(waiters, "0") != 0;
	snprintf(out, size, "%s%s%s", holder, some ? " +" : "", some ? waiters : "");
}

static void add_row(struct listing *listing, const shmimg_record *record)
{
	char size[64];
	char bytes[32];
	char owner[64];
	char lock[64];
	uint64_t number;
	const char *share = value_of(record, "share");
	const char *formats = value_of(record, "renditions");
	const char *width = value_of(record, "width");
	snprintf(
		size, sizeof(size), "%s%s%s", width, *width ? "x" : "", value_of(record, "height"));
	snprintf(bytes, sizeof(bytes), "%s", value_of(record, "size"));
	if (wire_number(bytes, UINT64_MAX, &number) == 0) {
		listing->bytes += number;
		snprintf(bytes, sizeof(bytes), "%s", text_bytes(number).data);
	}
	listing->more |= strchr(formats, ',') != NULL;
	describe_owner(value_of(record, "owner"), owner, sizeof(owner));
	describe_lock(record, lock, sizeof(lock));
	const char *const cells[TABLE_COLUMNS] = {value_of(record, "name"), size,
		*formats ? formats : value_of(record, "format"), bytes, value_of(record, "pins"),
		owner, strcmp(share, "private") == 0 ? "" : share, lock};
	table_add(&listing->table, cells);
}

static int take_item(const shmimg_record *record, void *context)
{
	struct listing *listing = context;
	listing->count++;
	if (listing->json)
		record_print(record, NULL, true);
	else
		add_row(listing, record);
	return 0;
}

static void print_listing(const struct listing *listing)
{
	if (listing->json)
		return;
	if (listing->count == 0) {
		fputs("no images\n", stderr);
		return;
	}
	unsigned columns = text_columns(STDOUT_FILENO);
	table_print(&listing->table, stdout, RIGHT, columns);
	if (columns)
		printf("%lu image%s, %s%s\n", listing->count, listing->count == 1 ? "" : "s",
			listing->more ? "more than " : "", text_bytes(listing->bytes).data);
}

int command_list(const struct options *options)
{
	static const char *const titles[TABLE_COLUMNS] = {
		"NAME", "SIZE", "FORMAT", "BYTES", "PINS", "OWNER", "SHARE", "LOCK"};
	struct listing listing = {.json = options->values[OPTION_JSON]};
	const char *match = options->count ? options->operands[0] : NULL;
	shmimg_client *client;
	int code = client_open(options, &client);
	if (code != 0)
		return code;
	table_add(&listing.table, titles);
	int result = shmimg_list(client, match, take_item, &listing);
	if (result == 0)
		print_listing(&listing);
	else
		code = report_refusal(match ? match : "list", client, result);
	table_clear(&listing.table);
	shmimg_close(client);
	return code;
}

static int take_record(const shmimg_record *record, void *context)
{
	const bool *json = context;
	record_print(record, NULL, *json);
	return 0;
}

static int stat_image(
	shmimg_client *client, const char *name, const struct shmimg_options *image, void *context)
{
	return shmimg_stat(client, name, image, take_record, context);
}

int command_stat(const struct options *options)
{
	bool json = options->values[OPTION_JSON];
	shmimg_client *client;
	int code = client_open(options, &client);
	if (code != 0)
		return code;
	int result = client_by_name(client, options, options->operands[0], stat_image, &json);
	if (result < 0)
		code = report_refusal(options->operands[0], client, result);
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
	int result = shmimg_stats(client, take_record, &json);
	if (result < 0)
		code = report_refusal("stats", client, result);
	shmimg_close(client);
	return code;
}
