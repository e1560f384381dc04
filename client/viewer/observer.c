/*
 * What becomes of the images in shared memory.
 */
#include "client/viewer/observer.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/viewer/catalog.h"
#include "client/viewer/connection.h"
#include "client/viewer/picture.h"

/* Milliseconds: between two tries to find a daemon, two questions, and for an answer. */
enum { RETRY_MS = 500, INSPECT_MS = 1000, ANSWER_MS = 5000 };

/* What the main thread asks for. */
struct order {
	CatalogEntry *image;
	char *format; /* to inspect it; NULL: a thumbnail is wanted */
	guint side;   /* of that */
};

struct observer {
	struct notifier *notifier;
	char *socket;
	GAsyncQueue *orders;
	int wake; /* an eventfd(2): there are orders, or it is over */
	gint is_over;
	/* The thread's alone: */
	shmimg_client *watching, *asking; /* both or none */
	struct order *inspected;
	gint64 inspect_at; /* of the monotonic clock, in microseconds */
	gboolean is_away;  /* and that was told */
};

static void observer_free_order(gpointer data)
{
	struct order *order = data;
	if (!order)
		return;
	g_clear_object(&order->image);
	g_free(order->format);
	g_free(order);
}

/* ---- The thread ---- */

static void observer_disconnect(struct observer *observer)
{
	g_clear_pointer(&observer->watching, shmimg_close);
	g_clear_pointer(&observer->asking, shmimg_close);
}

/* Whoever was left waiting learns why, once. */
static void observer_tell_away(struct observer *observer, const GError *error)
{
	observer_disconnect(observer);
	if (!observer->is_away)
		notifier_send_away(observer->notifier, error->message);
	observer->is_away = TRUE;
}

static gboolean observer_tell_list(struct observer *observer, GError **error)
{
	g_autoptr(GListStore) list = g_list_store_new(CATALOG_TYPE_ENTRY);
	int result = catalog_fill(list, observer->asking);
	if (result < 0)
		connection_complain(observer->asking, "Cannot list images", result, error);
	else
		notifier_send_list(observer->notifier, G_LIST_MODEL(list));
	return result == 0;
}

/* Watches first and lists then, so that nothing that happens between is missed. */
static gboolean observer_connect_both(struct observer *observer, GError **error)
{
	observer->watching = connection_open(observer->socket, error);
	if (!observer->watching)
		return FALSE;
	observer->asking = connection_open(observer->socket, error);
	if (!observer->asking)
		return FALSE;
	shmimg_set_timeout(observer->watching, ANSWER_MS);
	shmimg_set_timeout(observer->asking, ANSWER_MS);
	shmimg_set_kept(observer->asking, 0);
	int result = shmimg_watch(observer->watching, NULL);
	if (result < 0)
		connection_complain(observer->watching, "Cannot watch images", result, error);
	return result == 0 && observer_tell_list(observer, error);
}

struct news {
	struct observer *observer;
	gboolean is_overflow;
};

static int observer_take_event(const shmimg_record *record, void *context)
{
	struct news *news = context;
	const char *type = shmimg_record_get(record, "type");
	g_autoptr(CatalogEntry) image = catalog_entry_of(record);
	if (g_str_equal(type, "overflow"))
		news->is_overflow = TRUE;
	else if (image && (g_str_equal(type, "loaded") || g_str_equal(type, "changed")))
		notifier_send_put(news->observer->notifier, image);
	else if (image)
		notifier_send_gone(news->observer->notifier, image, type);
	return 0;
}

/* Returns whether the daemon is there still. */
static gboolean observer_take_events(struct observer *observer)
{
	struct news news = {.observer = observer};
	int result = 0;
	while (result == 0 && !news.is_overflow)
		result = shmimg_next_event(observer->watching, 0, observer_take_event, &news);
	if (news.is_overflow)
		return observer_tell_list(observer, NULL);
	return result == -ETIMEDOUT;
}

/* Of an image that nobody looks at as yet: it is pinned for as long as that takes. */
static void observer_make_thumbnail(struct observer *observer, const struct order *order)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	shmimg_image *image;
	options.owner = catalog_entry_owner(order->image);
	int result =
		shmimg_fetch(observer->asking, catalog_entry_name(order->image), &options, &image);
	if (result < 0)
		return;
	/* Pixels that are published never change: nobody's lock is in the way. */
	g_autoptr(GdkTexture) picture = picture_thumbnail(image, order->side);
	shmimg_release(observer->asking, image);
	shmimg_unref(image);
	notifier_send_thumbnail(observer->notifier, order->image, picture);
}

static int observer_take_facts(const shmimg_record *record, void *context)
{
	GStrvBuilder *facts = context;
	const char *key, *value;
	for (size_t i = 0; shmimg_record_at(record, i, &key, &value) == 0; i++) {
		g_strv_builder_add(facts, key);
		g_strv_builder_add(facts, value);
	}
	return 0;
}

static void observer_send_facts(struct observer *observer)
{
	const struct order *order = observer->inspected;
	g_autoptr(GStrvBuilder) facts = g_strv_builder_new();
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.owner = catalog_entry_owner(order->image);
	options.format = (enum shmimg_format)shmimg_format_parse(order->format);
	int result = shmimg_stat(observer->asking, catalog_entry_name(order->image), &options,
		observer_take_facts, facts);
	observer->inspect_at = g_get_monotonic_time() + INSPECT_MS * 1000;
	if (result == 0 || result == -ENOENT)
		notifier_send_facts(
			observer->notifier, result == 0 ? g_strv_builder_end(facts) : NULL);
}

static void observer_take_orders(struct observer *observer)
{
	struct order *order = g_async_queue_try_pop(observer->orders);
	if (!order)
		return;
	if (!order->format && order->image) {
		if (observer->asking)
			observer_make_thumbnail(observer, order);
		observer_free_order(order);
		return;
	}
	observer_free_order(observer->inspected);
	observer->inspected = order;
	observer->inspect_at = 0;
}

/* Milliseconds until there is something to do without being woken; -1: nothing. */
static int observer_time_left(const struct observer *observer)
{
	if (!observer->watching)
		return RETRY_MS;
	if (g_async_queue_length(observer->orders) > 0)
		return 0;
	if (!observer->inspected || !observer->inspected->image)
		return -1;
	gint64 left = observer->inspect_at - g_get_monotonic_time();
	return left > 0 ? (int)(left / 1000) + 1 : 0;
}

/* Waits for the daemon, the main thread, or the time. Returns whether the daemon has gone. */
static gboolean observer_wait_for_work(struct observer *observer)
{
	struct pollfd pollers[] = {{.fd = observer->wake, .events = POLLIN},
		{.fd = observer->watching ? shmimg_fd(observer->watching) : -1, .events = POLLIN}};
	eventfd_t count;
	if (poll(pollers, G_N_ELEMENTS(pollers), observer_time_left(observer)) > 0 &&
		pollers[0].revents)
		eventfd_read(observer->wake, &count);
	return pollers[1].revents & (POLLHUP | POLLERR | POLLNVAL);
}

static gboolean observer_work(struct observer *observer, GError **error)
{
	/* Why there is none is told in the same words, whoever notices. */
	if (observer->watching && !observer_take_events(observer))
		observer_disconnect(observer);
	if (!observer->watching) {
		if (!observer_connect_both(observer, error))
			return FALSE;
		observer->is_away = FALSE;
	}
	observer_take_orders(observer);
	if (observer->inspected && observer->inspected->image &&
		g_get_monotonic_time() >= observer->inspect_at)
		observer_send_facts(observer);
	return TRUE;
}

/* By whoever has it last, the thread or the main thread. */
static void observer_clear(gpointer data)
{
	struct observer *observer = data;
	observer_disconnect(observer);
	notifier_unref(observer->notifier);
	g_async_queue_unref(observer->orders);
	observer_free_order(observer->inspected);
	g_free(observer->socket);
	close(observer->wake);
}

static gpointer observer_run(gpointer data)
{
	struct observer *observer = data;
	while (!g_atomic_int_get(&observer->is_over)) {
		g_autoptr(GError) error = NULL;
		if (!observer_work(observer, &error))
			observer_tell_away(observer, error);
		if (observer_wait_for_work(observer))
			observer_disconnect(observer);
	}
	g_atomic_rc_box_release_full(observer, observer_clear);
	return NULL;
}

/* ---- The main thread ---- */

struct observer *observer_start(
	const char *socket, const struct notifier_handlers *handlers, gpointer data)
{
	struct observer *observer = g_atomic_rc_box_new0(struct observer);
	observer->notifier = notifier_new(handlers, data);
	observer->socket = g_strdup(socket);
	observer->orders = g_async_queue_new_full(observer_free_order);
	observer->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g_thread_unref(g_thread_new("observer", observer_run, g_atomic_rc_box_acquire(observer)));
	return observer;
}

void observer_stop(struct observer *observer)
{
	notifier_stop(observer->notifier);
	g_atomic_int_set(&observer->is_over, TRUE);
	eventfd_write(observer->wake, 1);
	g_atomic_rc_box_release_full(observer, observer_clear);
}

static void observer_give_order(
	struct observer *observer, CatalogEntry *image, const char *format, guint side)
{
	struct order *order = g_new(struct order, 1);
	*order = (struct order){.image = image ? g_object_ref(image) : NULL,
		.format = g_strdup(format),
		.side = side};
	g_async_queue_push(observer->orders, order);
	eventfd_write(observer->wake, 1);
}

void observer_request_thumbnail(struct observer *observer, CatalogEntry *image, guint side)
{
	observer_give_order(observer, image, NULL, side);
}

void observer_inspect(struct observer *observer, CatalogEntry *image, const char *format)
{
	observer_give_order(observer, image, format, 0);
}
