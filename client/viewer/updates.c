/*
 * The updates of a window: the handlers of its observer. A new generation of the shown image is
 * requested like an image that the user asks for, but a request of the user's goes first, and an
 * error is not shown.
 */
#include "client/viewer/updates.h"

#include "client/viewer/request.h"

/* Whether the window shows this image. */
static gboolean updates_is_shown(ViewerWindow *window, const CatalogEntry *image)
{
	return window->view && catalog_entry_is(image, window->view->name, window->view->owner);
}

/* Selects the shown image in the sidebar, and has the observer read its facts. */
static void updates_select(ViewerWindow *window)
{
	const struct view *view = window->view;
	g_autoptr(CatalogEntry) image =
		catalog_entry_new(view->name, view->owner, view->generation);
	const shmimg_image *pixels = picture_image(view->picture);
	viewer_sidebar_select(window->sidebar, image);
	observer_inspect(window->observer, image, shmimg_format_name(shmimg_image_format(pixels)));
}

static void updates_on_refreshed(GObject *source, GAsyncResult *result, gpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	ViewerWindow *window = VIEWER_WINDOW(source);
	struct view *view = view_obtain_finish(result, &error);
	if (view)
		request_show(window, view);
	else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		g_clear_object(&window->cancellable);
}

static void updates_show_gone(ViewerWindow *window, const char *how)
{
	g_autofree char *text = g_strdup_printf(
		"%s. The image was %s; this window keeps its pixels.", window->view->about, how);
	layout_show_message(&window->layout, text);
}

/*
 * Requests the newest generation of the shown image. anyway: also when the window shows that one
 * already, so that the present daemon pins it.
 */
static void updates_refresh(ViewerWindow *window, gboolean anyway)
{
	const struct view *view = window->view;
	if (!view || window->cancellable || !window->is_listed)
		return;
	const CatalogEntry *image = viewer_sidebar_find(window->sidebar, view->name, view->owner);
	if (!image && anyway)
		updates_show_gone(window, "removed");
	if (!image || (!anyway && catalog_entry_generation(image) <= view->generation))
		return;
	struct view_request *request =
		view_request_new(VIEW_IMAGE, window->socket, view->name, view->owner);
	window->cancellable = g_cancellable_new();
	view_obtain(request, window, window->cancellable, updates_on_refreshed, NULL);
	view_request_free(request);
}

static void updates_on_list(gpointer data, GListModel *images)
{
	ViewerWindow *window = data;
	gboolean again = window->is_listed;
	viewer_sidebar_set(window->sidebar, images);
	window->is_listed = TRUE;
	if (window->view)
		updates_select(window);
	if (window->awaited == AWAITED_DAEMON && window->request) {
		request_repeat(window);
		return;
	}
	if (window->awaited == AWAITED_DAEMON ||
		(window->awaited == AWAITED_IMAGE && g_list_model_get_n_items(images) > 0))
		request_clear_error(window);
	updates_refresh(window, again);
}

static void updates_on_put(gpointer data, CatalogEntry *image)
{
	ViewerWindow *window = data;
	viewer_sidebar_put(window->sidebar, image);
	if (window->awaited == AWAITED_IMAGE)
		request_clear_error(window);
	if (!updates_is_shown(window, image))
		return;
	updates_select(window);
	updates_refresh(window, FALSE);
}

static void updates_on_gone(gpointer data, CatalogEntry *image, const char *how)
{
	ViewerWindow *window = data;
	viewer_sidebar_remove(window->sidebar, image);
	if (updates_is_shown(window, image) && !window->cancellable)
		updates_show_gone(window, how);
}

static void updates_on_away(gpointer data, const char *why)
{
	ViewerWindow *window = data;
	viewer_sidebar_show_away(window->sidebar, why);
	g_printerr("shmimg-viewer: Waiting for the daemon: %s\n", why);
	facts_show(window->layout.facts, NULL);
}

static void updates_on_facts(gpointer data, const char *const *facts)
{
	facts_show(VIEWER_WINDOW(data)->layout.facts, facts);
}

static void updates_on_thumbnail(gpointer data, CatalogEntry *image, GdkTexture *picture)
{
	(void)data;
	catalog_entry_set_thumbnail(image, picture);
}

static void updates_request_thumbnail(gpointer data, CatalogEntry *image, guint side)
{
	struct observer *observer = VIEWER_WINDOW(data)->observer;
	if (observer)
		observer_request_thumbnail(observer, image, side);
}

static void updates_on_chosen(gpointer data, CatalogEntry *image)
{
	request_view(VIEWER_WINDOW(data), VIEW_IMAGE, catalog_entry_name(image),
		catalog_entry_owner(image));
}

ViewerSidebar *updates_make_sidebar(ViewerWindow *window)
{
	return VIEWER_SIDEBAR(
		viewer_sidebar_new(updates_request_thumbnail, updates_on_chosen, window));
}

static void updates_on_shown(ViewerWindow *window)
{
	updates_select(window);
	updates_refresh(window, FALSE);
}

void updates_start(ViewerWindow *window)
{
	static const struct notifier_handlers handlers = {.list = updates_on_list,
		.put = updates_on_put,
		.gone = updates_on_gone,
		.away = updates_on_away,
		.facts = updates_on_facts,
		.thumbnail = updates_on_thumbnail};
	g_signal_connect(window, WINDOW_SHOWN, G_CALLBACK(updates_on_shown), NULL);
	window->observer = observer_start(window->socket, &handlers, window);
}
