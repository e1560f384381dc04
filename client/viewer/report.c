/*
 * News between threads.
 */
#include "client/viewer/report.h"

struct reporter {
	const struct observer_handlers *handlers;
	gpointer data;
	gboolean is_stopped; /* the main thread's */
};

/* One piece of news; what the handler does not take is NULL. */
struct report {
	struct reporter *reporter;
	void (*deliver)(const struct report *report);
	GObject *subject;
	GdkTexture *picture;
	char *text;
	char **facts;
};

struct reporter *reporter_new(const struct observer_handlers *handlers, gpointer data)
{
	struct reporter *reporter = g_atomic_rc_box_new0(struct reporter);
	reporter->handlers = handlers;
	reporter->data = data;
	return reporter;
}

void reporter_unref(struct reporter *reporter)
{
	g_atomic_rc_box_release(reporter);
}

void reporter_stop(struct reporter *reporter)
{
	reporter->is_stopped = TRUE;
}

static gboolean report_deliver(gpointer data)
{
	const struct report *report = data;
	if (!report->reporter->is_stopped)
		report->deliver(report);
	return G_SOURCE_REMOVE;
}

static void free_report(gpointer data)
{
	struct report *report = data;
	reporter_unref(report->reporter);
	g_clear_object(&report->subject);
	g_clear_object(&report->picture);
	g_free(report->text);
	g_strfreev(report->facts);
	g_free(report);
}

/* Idle sources of one priority are served in order, and by the main thread alone. */
static void report_post(struct reporter *reporter, void (*handle)(const struct report *),
	gpointer subject, GdkTexture *picture, const char *text, char **facts)
{
	struct report *report = g_new(struct report, 1);
	*report = (struct report){.reporter = g_atomic_rc_box_acquire(reporter),
		.deliver = handle,
		.subject = subject ? g_object_ref(subject) : NULL,
		.picture = picture ? g_object_ref(picture) : NULL,
		.text = g_strdup(text),
		.facts = facts};
	g_idle_add_full(G_PRIORITY_DEFAULT, report_deliver, report, free_report);
}

static void report_deliver_list(const struct report *report)
{
	report->reporter->handlers->list(report->reporter->data, G_LIST_MODEL(report->subject));
}

void report_list(struct reporter *reporter, GListModel *images)
{
	report_post(reporter, report_deliver_list, images, NULL, NULL, NULL);
}

static void report_deliver_put(const struct report *report)
{
	report->reporter->handlers->put(report->reporter->data, CATALOG_ENTRY(report->subject));
}

void report_put(struct reporter *reporter, CatalogEntry *image)
{
	report_post(reporter, report_deliver_put, image, NULL, NULL, NULL);
}

static void report_deliver_gone(const struct report *report)
{
	report->reporter->handlers->gone(
		report->reporter->data, CATALOG_ENTRY(report->subject), report->text);
}

void report_gone(struct reporter *reporter, CatalogEntry *image, const char *how)
{
	report_post(reporter, report_deliver_gone, image, NULL, how, NULL);
}

static void report_deliver_away(const struct report *report)
{
	report->reporter->handlers->away(report->reporter->data, report->text);
}

void report_away(struct reporter *reporter, const char *why)
{
	report_post(reporter, report_deliver_away, NULL, NULL, why, NULL);
}

static void report_deliver_thumbnail(const struct report *report)
{
	report->reporter->handlers->thumbnail(
		report->reporter->data, CATALOG_ENTRY(report->subject), report->picture);
}

void report_thumbnail(struct reporter *reporter, CatalogEntry *image, GdkTexture *picture)
{
	report_post(reporter, report_deliver_thumbnail, image, picture, NULL, NULL);
}

static void report_deliver_facts(const struct report *report)
{
	report->reporter->handlers->facts(
		report->reporter->data, (const char *const *)report->facts);
}

void report_facts(struct reporter *reporter, char **facts)
{
	report_post(reporter, report_deliver_facts, NULL, NULL, NULL, facts);
}
