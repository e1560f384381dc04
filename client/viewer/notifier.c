/*
 * The notifier: each notice is an idle source of the main loop.
 */
#include "client/viewer/notifier.h"

struct notifier {
	const struct notifier_handlers *handlers;
	gpointer data;
	gboolean is_stopped; /* used in the main thread only */
};

/* A call of a handler. Arguments that the handler does not have are NULL. */
struct notice {
	struct notifier *notifier;
	void (*call)(const struct notice *notice);
	GObject *subject;
	GdkTexture *picture;
	char *text;
	char **facts;
};

struct notifier *notifier_new(const struct notifier_handlers *handlers, gpointer data)
{
	struct notifier *notifier = g_atomic_rc_box_new0(struct notifier);
	notifier->handlers = handlers;
	notifier->data = data;
	return notifier;
}

void notifier_unref(struct notifier *notifier)
{
	g_atomic_rc_box_release(notifier);
}

void notifier_stop(struct notifier *notifier)
{
	notifier->is_stopped = TRUE;
}

static gboolean notifier_deliver(gpointer data)
{
	const struct notice *notice = data;
	if (!notice->notifier->is_stopped)
		notice->call(notice);
	return G_SOURCE_REMOVE;
}

static void notifier_free_notice(gpointer data)
{
	struct notice *notice = data;
	notifier_unref(notice->notifier);
	g_clear_object(&notice->subject);
	g_clear_object(&notice->picture);
	g_free(notice->text);
	g_strfreev(notice->facts);
	g_free(notice);
}

/* The main thread serves idle sources of one priority in the order in which they were added. */
static void notifier_post(struct notifier *notifier, void (*call)(const struct notice *),
	gpointer subject, GdkTexture *picture, const char *text, char **facts)
{
	struct notice *notice = g_new(struct notice, 1);
	*notice = (struct notice){.notifier = g_atomic_rc_box_acquire(notifier),
		.call = call,
		.subject = subject ? g_object_ref(subject) : NULL,
		.picture = picture ? g_object_ref(picture) : NULL,
		.text = g_strdup(text),
		.facts = facts};
	g_idle_add_full(G_PRIORITY_DEFAULT, notifier_deliver, notice, notifier_free_notice);
}

static void notifier_deliver_list(const struct notice *notice)
{
	notice->notifier->handlers->list(notice->notifier->data, G_LIST_MODEL(notice->subject));
}

void notifier_send_list(struct notifier *notifier, GListModel *images)
{
	notifier_post(notifier, notifier_deliver_list, images, NULL, NULL, NULL);
}

static void notifier_deliver_put(const struct notice *notice)
{
	notice->notifier->handlers->put(notice->notifier->data, CATALOG_ENTRY(notice->subject));
}

void notifier_send_put(struct notifier *notifier, CatalogEntry *image)
{
	notifier_post(notifier, notifier_deliver_put, image, NULL, NULL, NULL);
}

static void notifier_deliver_gone(const struct notice *notice)
{
	notice->notifier->handlers->gone(
		notice->notifier->data, CATALOG_ENTRY(notice->subject), notice->text);
}

void notifier_send_gone(struct notifier *notifier, CatalogEntry *image, const char *how)
{
	notifier_post(notifier, notifier_deliver_gone, image, NULL, how, NULL);
}

static void notifier_deliver_away(const struct notice *notice)
{
	notice->notifier->handlers->away(notice->notifier->data, notice->text);
}

void notifier_send_away(struct notifier *notifier, const char *why)
{
	notifier_post(notifier, notifier_deliver_away, NULL, NULL, why, NULL);
}

static void notifier_deliver_thumbnail(const struct notice *notice)
{
	notice->notifier->handlers->thumbnail(
		notice->notifier->data, CATALOG_ENTRY(notice->subject), notice->picture);
}

void notifier_send_thumbnail(struct notifier *notifier, CatalogEntry *image, GdkTexture *picture)
{
	notifier_post(notifier, notifier_deliver_thumbnail, image, picture, NULL, NULL);
}

static void notifier_deliver_facts(const struct notice *notice)
{
	notice->notifier->handlers->facts(
		notice->notifier->data, (const char *const *)notice->facts);
}

void notifier_send_facts(struct notifier *notifier, char **facts)
{
	notifier_post(notifier, notifier_deliver_facts, NULL, NULL, NULL, facts);
}
