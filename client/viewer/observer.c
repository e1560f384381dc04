/*
 * The observer. Its thread has two connections: one for the events of WATCH, and one for requests.
 * It sleeps in poll(2) until an event comes, the main thread gives an order, or the facts are due
 * again. A thread of its own keeps windows from waiting for a daemon that does not answer.
 */
#include "client/viewer/observer.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/viewer/catalog.h"
#include "client/viewer/connection.h"
#include "client/viewer/picture.h"

/* Milliseconds: between two attempts to connect, between two readings of facts, for an answer. */
enum { RETRY_MS = 500, INSPECT_MS = 1000, ANSWER_MS = 5000 };

/* An order of the main thread: to inspect an image, or to make its thumbnail. */
struct order {
	CatalogEntry *image;
	char *format; /* of the rendition to inspect; NULL: make a thumbnail */
	guint side;   /* of the thumbnail */
};

struct observer {
	struct notifier *notifier;
	char *socket;
	GAsyncQueue *orders;
	int wake; /* an eventfd(2): there are orders, or the observer was stopped */
	gint is_stopped;
	/* Used in the thread only: */
	shmimg_client *watching, *asking; /* both connected, or both NULL */
	struct order *inspected;
	gint64 inspect_at; /* of the monotonic clock, in microseconds */
	gboolean is_away;  /* the notice that no daemon runs was sent */
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

/* Sends one notice for each absence of the daemon. */
static void observer_send_away(struct observer *observer, const GError *error)
{
	observer_disconnect(observer);
	if (!observer->is_away)
		notifier_send_away(observer->notifier, error->message);
	observer->is_away = TRUE;
}

static gboolean observer_send_list(struct observer *observer, GError **error)
{
	g_autoptr(GListStore) list = g_list_store_new(CATALOG_TYPE_ENTRY);
	int result = catalog_fill(list, observer->asking);
	if (result < 0)
		connection_set_error(observer->asking, "Cannot list images", result, error);
	else
		notifier_send_list(observer->notifier, G_LIST_MODEL(list));
	return result == 0;
}

/* Watches before it lists, so that no event between the two is lost. */
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
		connection_set_error(observer->watching, "Cannot watch images", result, error);
	return result == 0 && observer_send_list(observer, error);
}

struct events {
	struct observer *observer;
	gboolean is_stoppedflow;
};

static int observer_take_event(const shmimg_record *record, void *context)
{
	struct events *events = context;
	const char *type = shmimg_record_get(record, "type");
	g_autoptr(CatalogEntry) image = catalog_entry_of(record);
	if (g_str_equal(type, "overflow"))
		events->is_stoppedflow = TRUE;
	else if (image && (g_str_equal(type, "loaded") || g_str_equal(type, "changed")))
		notifier_send_put(events->observer->notifier, image);
	else if (image)
		notifier_send_gone(events->observer->notifier, image, type);
	return 0;
}

/* Returns whether the daemon still runs. */
static gboolean observer_take_events(struct observer *observer)
{
	struct events events = {.observer = observer};
	int result = 0;
	while (result == 0 && !events.is_stoppedflow)
		result = shmimg_next_event(observer->watching, 0, observer_take_event, &events);
	if (events.is_stoppedflow)
		return observer_send_list(observer, NULL);
	return result == -ETIMEDOUT;
}

/* The image is pinned only while its thumbnail is made. */
static void observer_make_thumbnail(struct observer *observer, const struct order *order)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	shmimg_image *image;
	options.owner = catalog_entry_owner(order->image);
	int result =
		shmimg_fetch(observer->asking, catalog_entry_name(order->image), &options, &image);
	if (result < 0)
		return;
	/* Published pixels never change, so the lock is not needed. */
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

/* Milliseconds until the thread has work without being woken; -1: never. */
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

/* Waits for work. Returns whether the daemon is gone. */
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
	/* Connecting again finds the reason why the daemon is gone, in the same words every time.
	 */
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

/* Called in the thread or in the main thread, whichever drops the last reference. */
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
	while (!g_atomic_int_get(&observer->is_stopped)) {
		g_autoptr(GError) error = NULL;
		if (!observer_work(observer, &error))
			observer_send_away(observer, error);
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
	g_atomic_int_set(&observer->is_stopped, TRUE);
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
