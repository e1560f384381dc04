/*
 * The table of images: how each cell is made from the keys of a record.
 */
#include "client/ctl/listing.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl/text.h"
#include "client/protocol/wire.h"

void listing_begin(struct listing *listing, enum listing_order order)
{
	static const char *const titles[TABLE_COLUMNS] = {
		"NAME", "SIZE", "FORMAT", "BYTES", "PINS", "OWNER", "SHARE", "LOCK"};
	*listing = (struct listing){.order = order};
	table_add(&listing->table, titles);
}

static const char *listing_value(const shmimg_record *record, const char *key)
{
	const char *value = shmimg_record_get(record, key);
	return value ? value : "";
}

/* The name of another user; nothing for this user. */
static void listing_describe_owner(const char *owner, char *out, size_t size)
{
	uint64_t uid;
	out[0] = '\0';
	if (wire_number(owner, UINT32_MAX, &uid) < 0 || uid == getuid())
		return;
	const struct passwd *user = getpwuid((uid_t)uid);
	snprintf(out, size, "%s", user ? user->pw_name : owner);
}

/* "1234", "1234 +2" with two waiting processes, or nothing for a free lock. */
static void listing_describe_lock(const shmimg_record *record, char *out, size_t size)
{
	const char *holder = listing_value(record, "lock");
	const char *waiters = listing_value(record, "waiters");
	if (strcmp(holder, "free") == 0)
		holder = "";
	bool some = *waiters && strcmp(waiters, "0") != 0;
	snprintf(out, size, "%s%s%s", holder, some ? " +" : "", some ? waiters : "");
}

static uint64_t listing_rank(enum listing_order order, const shmimg_record *record)
{
	static const char *const keys[] = {[LISTING_BY_BYTES] = "size",
		[LISTING_BY_PINS] = "pins",
		[LISTING_BY_AGE] = "generation"};
	uint64_t number = 0;
	if (order == LISTING_BY_NAME ||
		wire_number(listing_value(record, keys[order]), UINT64_MAX, &number) < 0)
		return 0;
	return number;
}

void listing_add(struct listing *listing, const shmimg_record *record)
{
	char size[64];
	char bytes[32];
	char owner[64];
	char lock[64];
	uint64_t number;
	listing->count++;
	const char *share = listing_value(record, "share");
	const char *formats = listing_value(record, "renditions");
	const char *width = listing_value(record, "width");
	snprintf(size, sizeof(size), "%s%s%s", width, *width ? "x" : "",
		listing_value(record, "height"));
	snprintf(bytes, sizeof(bytes), "%s", listing_value(record, "size"));
	if (wire_number(bytes, UINT64_MAX, &number) == 0) {
		listing->bytes += number;
		snprintf(bytes, sizeof(bytes), "%s", text_bytes(number).data);
	}
	listing->more |= strchr(formats, ',') != NULL;
	listing_describe_owner(listing_value(record, "owner"), owner, sizeof(owner));
	listing_describe_lock(record, lock, sizeof(lock));
	const char *const cells[TABLE_COLUMNS] = {listing_value(record, "name"), size,
		*formats ? formats : listing_value(record, "format"), bytes,
		listing_value(record, "pins"), owner, strcmp(share, "private") == 0 ? "" : share,
		lock};
	table_add(&listing->table, cells);
	table_rank(&listing->table, listing_rank(listing->order, record));
}

void listing_clear(struct listing *listing)
{
	table_clear(&listing->table);
}
