/*
 * How a window follows what other programs do.
 */
#include "client/viewer/follow.h"

/* Whether the image that is shown is this one. */
static gboolean follow_is_shown(ViewerWindow *window, const CatalogEntry *image)
{
	return window->view && catalog_entry_is(image, window->view->name, window->view->owner);
}

/* Has the side tell of the image that is shown. */
static void follow_point_out(ViewerWindow *window)
{
	const struct view *view = window->view;
	g_autoptr(CatalogEntry) image =
		catalog_entry_new(view->name, view->owner, view->generation);
	const shmimg_image *pixels = picture_image(view->picture);
	viewer_shelf_mark(window->shelf, image);
	observer_inspect(window->observer, image, shmimg_format_name(shmimg_image_format(pixels)));
}

static void follow_on_refreshed(GObject *source, GAsyncResult *result, gpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	ViewerWindow *window = VIEWER_WINDOW(source);
	struct view *view = view_obtain_finish(result, &error);
	if (view)
		window_show(window, view);
	else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		g_clear_object(&window->cancellable);
}

static void follow_say_gone(ViewerWindow *window, const char *how)
{
	g_autofree char *text =
		g_strdup_printf("%s; %s: this window keeps its pixels", window->view->about, how);
	layout_say(&window->layout, text);
}

/*
 * Shows the newest generation of what is shown. anyway: also if it is that, to have it
 * pinned by the daemon that is there now. A request of the user's goes first.
 */
static void follow_refresh(ViewerWindow *window, gboolean anyway)
{
	const struct view *view = window->view;
	if (!view || window->cancellable || !window->is_listed)
		return;
	const CatalogEntry *image = viewer_shelf_find(window->shelf, view->name, view->owner);
	if (!image && anyway)
		follow_say_gone(window, "gone");
	if (!image || (!anyway && catalog_entry_generation(image) <= view->generation))
		return;
	struct wish *wish = wish_new(WISH_IMAGE, window->socket, view->name, view->owner);
	window->cancellable = g_cancellable_new();
	view_obtain(wish, window, window->cancellable, follow_on_refreshed, NULL);
	wish_free(wish);
}

static void follow_on_list(gpointer data, GListModel *images)
{
	ViewerWindow *window = data;
	gboolean again = window->is_listed;
	viewer_shelf_set(window->shelf, images);
	window->is_listed = TRUE;
	if (window->view)
		follow_point_out(window);
	if (window->awaited == AWAITED_DAEMON && window->wish) {
		window_obtain(window);
		return;
	}
	if (window->awaited == AWAITED_DAEMON ||
		(window->awaited == AWAITED_IMAGE && g_list_model_get_n_items(images) > 0))
		window_calm(window);
	follow_refresh(window, again);
}

static void follow_on_put(gpointer data, CatalogEntry *image)
{
	ViewerWindow *window = data;
	viewer_shelf_put(window->shelf, image);
	if (window->awaited == AWAITED_IMAGE)
		window_calm(window);
	if (!follow_is_shown(window, image))
		return;
	follow_point_out(window);
	follow_refresh(window, FALSE);
}

static void follow_on_gone(gpointer data, CatalogEntry *image, const char *how)
{
	ViewerWindow *window = data;
	viewer_shelf_remove(window->shelf, image);
	if (follow_is_shown(window, image) && !window->cancellable)
		follow_say_gone(window, how);
}

static void follow_on_away(gpointer data, const char *why)
{
	ViewerWindow *window = data;
	viewer_shelf_say_away(window->shelf, why);
	g_printerr("shmimg-viewer: Waiting for the daemon: %s\n", why);
	facts_show(window->layout.facts, NULL);
}

static void follow_on_facts(gpointer data, const char *const *facts)
{
	facts_show(VIEWER_WINDOW(data)->layout.facts, facts);
}

static void follow_on_thumbnail(gpointer data, CatalogEntry *image, GdkTexture *picture)
{
	(void)data;
	catalog_entry_set_thumbnail(image, picture);
}

static void follow_want_thumbnail(gpointer data, CatalogEntry *image, guint side)
{
	struct observer *observer = VIEWER_WINDOW(data)->observer;
	if (observer)
		observer_request_thumbnail(observer, image, side);
}

static void follow_on_chosen(gpointer data, CatalogEntry *image)
{
	window_want(VIEWER_WINDOW(data), WISH_IMAGE, catalog_entry_name(image),
		catalog_entry_owner(image));
}

ViewerShelf *follow_make_shelf(ViewerWindow *window)
{
	return VIEWER_SHELF(viewer_shelf_new(follow_want_thumbnail, follow_on_chosen, window));
}

void follow_start(ViewerWindow *window)
{
	static const struct notifier_handlers handlers = {.list = follow_on_list,
		.put = follow_on_put,
		.gone = follow_on_gone,
		.away = follow_on_away,
		.facts = follow_on_facts,
		.thumbnail = follow_on_thumbnail};
	window->observer = observer_start(window->socket, &handlers, window);
}

void follow_shown(ViewerWindow *window)
{
	follow_point_out(window);
	follow_refresh(window, FALSE);
}
