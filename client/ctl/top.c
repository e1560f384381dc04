/*
 * The contents of top's screen.
 */
#include "client/ctl/top.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl/text.h"
#include "client/protocol/wire.h"

enum { LINE_SIZE = 8192, HEAD_LINES = 4 };

static int top_take_counters(const shmimg_record *record, void *context)
{
	static const char *const keys[TOP_COUNTERS] = {[TOP_IMAGES] = "images",
		[TOP_BYTES] = "bytes",
		[TOP_PINNED] = "pinned-bytes",
		[TOP_MEMORY_MAX] = "memory-max",
		[TOP_CONNECTIONS] = "connections",
		[TOP_LOADS] = "loads",
		[TOP_HITS] = "hits",
		[TOP_DECODES] = "decodes",
		[TOP_FETCHES] = "fetches",
		[TOP_EVICTIONS] = "evictions",
		[TOP_ERRORS] = "errors",
		[TOP_LOADING] = "loading",
		[TOP_DECODERS] = "decoders"};
	uint64_t *counters = context;
	for (size_t i = 0; i < TOP_COUNTERS; i++) {
		const char *value = shmimg_record_get(record, keys[i]);
		if (!value || wire_number(value, UINT64_MAX, &counters[i]) < 0)
			counters[i] = 0;
	}
	return 0;
}

static int top_take_image(const shmimg_record *record, void *context)
{
	listing_add(context, record);
	return 0;
}

/* Counters of a restarted daemon start from 0; their rate is 0 then. */
static void top_find_rates(struct top *top, const uint64_t counters[TOP_COUNTERS], double now)
{
	double seconds = now - top->read_at;
	for (size_t i = 0; i < TOP_COUNTERS; i++) {
		uint64_t before = top->counters[i], after = counters[i];
		if (top->read_at == 0 || after < before || seconds <= 0)
			top->rates[i] = 0;
		else
			top->rates[i] = (double)(after - before) / seconds;
		top->counters[i] = after;
	}
	top->read_at = now;
}

void top_set_error(struct top *top, const shmimg_client *client)
{
	snprintf(top->error, sizeof(top->error), "%s", shmimg_message(client));
}

int top_read(struct top *top, shmimg_client *client, double now)
{
	uint64_t counters[TOP_COUNTERS];
	struct listing listing;
	listing_begin(&listing, top->order);
	int result = shmimg_stats(client, top_take_counters, counters);
	if (result == 0)
		result = shmimg_list(client, top->match, top_take_image, &listing);
	if (result < 0) {
		listing_clear(&listing);
		top_set_error(top, client);
		return result;
	}
	top->error[0] = '\0';
	table_sort(&listing.table);
	listing_clear(&top->listing);
	top->listing = listing;
	top_find_rates(top, counters, now);
	return 0;
}

void top_set_event(struct top *top, const shmimg_record *event)
{
	const char *type = shmimg_record_get(event, "type");
	const char *name = shmimg_record_get(event, "name");
	snprintf(top->event, sizeof(top->event), "%s%s%s", type, name ? " " : "", name ? name : "");
}

/* Writes a line, cut to the window's width, and blanks the rest of the row. */
static void top_put_line(FILE *out, const char *text, unsigned columns)
{
	char safe[LINE_SIZE], fitting[LINE_SIZE + 8];
	snprintf(safe, sizeof(safe), "%s", text);
	text_make_safe(safe);
	text_fit(fitting, sizeof(fitting), safe, columns, false);
	fprintf(out, "%s\033[K", fitting);
}

/* "hits 120 (3.2/s)" and two spaces. */
static int top_put_counter(
	char *out, size_t size, const struct top *top, const char *label, size_t i)
{
	int length = snprintf(out, size, "%s %llu", label, (unsigned long long)top->counters[i]);
	if (top->rates[i] >= 0.05)
		length += snprintf(out + length, size - (size_t)length, " (%.1f/s)", top->rates[i]);
	length += snprintf(out + length, size - (size_t)length, "  ");
	return length;
}

static void top_put_work(const struct top *top, FILE *out, unsigned columns)
{
	static const struct {
		const char *label;
		enum top_counter counter;
	} shown[] = {{"loads", TOP_LOADS}, {"hits", TOP_HITS}, {"decodes", TOP_DECODES},
		{"fetches", TOP_FETCHES}, {"evictions", TOP_EVICTIONS}, {"errors", TOP_ERRORS},
		{"loading", TOP_LOADING}};
	char line[1024];
	int length = 0;
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		length += top_put_counter(line + length, sizeof(line) - (size_t)length, top,
			shown[i].label, shown[i].counter);
	line[length - 2] = '\0';
	top_put_line(out, line, columns);
}

static void top_put_memory(const struct top *top, FILE *out, unsigned columns)
{
	char line[512];
	const uint64_t *counters = top->counters;
	snprintf(line, sizeof(line),
		"images %llu, %s of %s, %s pinned; connections %llu; decoders %llu",
		(unsigned long long)counters[TOP_IMAGES], text_bytes(counters[TOP_BYTES]).data,
		text_bytes(counters[TOP_MEMORY_MAX]).data, text_bytes(counters[TOP_PINNED]).data,
		(unsigned long long)counters[TOP_CONNECTIONS],
		(unsigned long long)counters[TOP_DECODERS]);
	top_put_line(out, line, columns);
}

/* The error, or the last event, or else the keys. */
static void top_put_status(const struct top *top, FILE *out, unsigned columns)
{
	char line[LINE_SIZE];
	static const char keys[] = "q: quit; order by n: name, b: bytes, p: pins, a: age";
	if (*top->error)
		snprintf(line, sizeof(line), "%s", top->error);
	else if (*top->event)
		snprintf(line, sizeof(line), "%s", top->event);
	else
		snprintf(line, sizeof(line), "%s", keys);
	top_put_line(out, line, columns);
}

/* The table; if it does not fit, the last line says how many images follow. */
static void top_put_table(const struct top *top, FILE *out, unsigned columns, unsigned rows)
{
	char *text = NULL;
	size_t size = 0;
	struct table shown = top->listing.table;
	unsigned long lines = top->listing.count + 1;
	if (shown.count > rows)
		shown.count = rows;
	FILE *memory = open_memstream(&text, &size);
	if (!memory)
		return;
	table_print(&shown, memory, LISTING_RIGHT, columns);
	char *rest = fclose(memory) == 0 ? text : NULL;
	for (unsigned row = 1; row <= shown.count && rest; row++) {
		char more[64];
		char *line = strsep(&rest, "\n");
		if (row == rows && lines > rows)
			snprintf(line = more, sizeof(more), "and %lu more", lines - rows + 1);
		fputs("\r\n", out);
		top_put_line(out, line, columns);
	}
	free(text);
}

void top_draw(const struct top *top, FILE *out, unsigned columns, unsigned rows)
{
	void (*const parts[])(const struct top *, FILE *, unsigned) = {
		top_put_memory, top_put_work, top_put_status};
	for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts) && i < rows; i++) {
		fputs(i ? "\r\n" : "", out);
		parts[i](top, out, columns);
	}
	if (rows > HEAD_LINES) {
		fputs("\r\n\033[K", out);
		top_put_table(top, out, columns, rows - HEAD_LINES);
	}
}

void top_clear(struct top *top)
{
	listing_clear(&top->listing);
}
