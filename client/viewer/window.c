/*
 * The window: what its buttons do, and what comes of that.
 */
#include "client/viewer/window.h"

#include "client/viewer/catalog.h"
#include "client/viewer/chooser.h"
#include "client/viewer/connection.h"
#include "client/viewer/follow.h"
#include "client/viewer/keys.h"
#include "client/viewer/window-state.h"

#define TITLE "Shared Memory Image Viewer"

G_DEFINE_FINAL_TYPE(ViewerWindow, viewer_window, GTK_TYPE_APPLICATION_WINDOW)

/* Forgets the request under way: its callback comes, but says that it was cancelled. */
static void window_abandon(ViewerWindow *window)
{
	if (window->cancellable)
		g_cancellable_cancel(window->cancellable);
	g_clear_object(&window->cancellable);
}

/* Only the newest request counts. */
static GCancellable *window_begin(ViewerWindow *window, const char *doing)
{
	window_abandon(window);
	window->cancellable = g_cancellable_new();
	window->awaited = AWAITED_NOTHING;
	layout_say_busy(&window->layout, doing);
	return window->cancellable;
}

/* Says it where people look, and where scripts do. */
static void window_complain(ViewerWindow *window, const char *message, gboolean again)
{
	g_clear_object(&window->cancellable);
	window->awaited = AWAITED_NOTHING;
	layout_say_error(&window->layout, message, again);
	g_printerr("shmimg-viewer: %s\n", message);
}

/* What was cancelled is nothing to complain of: something newer is under way. */
static void window_fail(ViewerWindow *window, const GError *error)
{
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;
	window_complain(window, error->message, TRUE);
	if (g_error_matches(error, CONNECTION_ERROR, CONNECTION_NO_DAEMON))
		window->awaited = AWAITED_DAEMON;
}

void window_calm(ViewerWindow *window)
{
	window->awaited = AWAITED_NOTHING;
	layout_say(&window->layout, window->view ? window->view->about : "");
}

/* What there is nothing to do with, keys and buttons do not offer. */
static void window_enable_zoom(ViewerWindow *window, gboolean enabled)
{
	static const char *const actions[] = {
		LAYOUT_ZOOM_IN, LAYOUT_ZOOM_OUT, LAYOUT_ACTUAL, LAYOUT_FIT};
	for (gsize i = 0; i < G_N_ELEMENTS(actions); i++)
		gtk_widget_action_set_enabled(GTK_WIDGET(window), actions[i], enabled);
}

void window_show(ViewerWindow *window, struct view *view)
{
	g_clear_object(&window->cancellable);
	window->awaited = AWAITED_NOTHING;
	g_autofree char *title = g_strdup_printf("%s - %s", view->name, TITLE);
	gtk_window_set_title(GTK_WINDOW(window), title);
	layout_show(&window->layout, view->picture, view->name, view->about);
	view_free(window->view);
	window->view = view;
	window_enable_zoom(window, TRUE);
	follow_shown(window);
}

static void window_on_view(GObject *source, GAsyncResult *result, gpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	struct view *view = view_obtain_finish(result, &error);
	if (view)
		window_show(VIEWER_WINDOW(source), view);
	else
		window_fail(VIEWER_WINDOW(source), error);
}

void window_obtain(ViewerWindow *window)
{
	g_autofree char *shown = g_filename_display_basename(window->wish->text);
	g_autofree char *doing = g_strdup_printf("Waiting for %s …", shown);
	GCancellable *cancellable = window_begin(window, doing);
	view_obtain(window->wish, window, cancellable, window_on_view, NULL);
}

void window_want(ViewerWindow *window, enum wish_kind kind, const char *text, gint64 owner)
{
	struct wish *wish = wish_new(kind, window->socket, text, owner);
	wish_free(window->wish);
	window->wish = wish;
	window_obtain(window);
}

/* ---- Zoom and side ---- */

static void window_on_zoom(GtkWidget *widget, const char *action, GVariant *parameter)
{
	(void)parameter;
	static const double step = 1.25;
	ViewerCanvas *canvas = VIEWER_WINDOW(widget)->layout.canvas;
	if (g_str_equal(action, LAYOUT_ZOOM_IN))
		viewer_canvas_zoom_by(canvas, step);
	else if (g_str_equal(action, LAYOUT_ZOOM_OUT))
		viewer_canvas_zoom_by(canvas, 1 / step);
	else if (g_str_equal(action, LAYOUT_ACTUAL))
		viewer_canvas_set_zoom(canvas, 1);
	else
		viewer_canvas_fit(canvas);
}

static void window_on_side(GtkWidget *widget, const char *action, GVariant *parameter)
{
	(void)action;
	(void)parameter;
	GtkWidget *side = VIEWER_WINDOW(widget)->layout.side;
	gtk_widget_set_visible(side, !gtk_widget_get_visible(side));
}

/* ---- Load Image from File... ---- */

static void window_want_file(ViewerWindow *window, GFile *file)
{
	g_autofree char *path = g_file_get_path(file);
	if (path) {
		window_want(window, WISH_FILE, path, -1);
		return;
	}
	window_abandon(window);
	window_complain(window, "This file is not on this machine. Choose another one.", FALSE);
}

static void window_on_file(GtkNativeDialog *dialog, int response, ViewerWindow *window)
{
	g_autoptr(GFile) file = NULL;
	if (response == GTK_RESPONSE_ACCEPT)
		file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog));
	g_clear_object(&window->files);
	if (file)
		window_want_file(window, file);
}

static void window_on_load(GtkWidget *widget, const char *action, GVariant *parameter)
{
	(void)action;
	(void)parameter;
	ViewerWindow *window = VIEWER_WINDOW(widget);
	if (window->files) {
		gtk_native_dialog_show(GTK_NATIVE_DIALOG(window->files));
		return;
	}
	window->files = layout_file_dialog(GTK_WINDOW(window));
	g_signal_connect_object(window->files, "response", G_CALLBACK(window_on_file), window, 0);
	gtk_native_dialog_show(GTK_NATIVE_DIALOG(window->files));
}

static gboolean window_on_drop(
	GtkDropTarget *target, const GValue *value, double x, double y, ViewerWindow *window)
{
	(void)target;
	(void)x;
	(void)y;
	window_want_file(window, g_value_get_object(value));
	return TRUE;
}

/* ---- Display Image from Shared Memory ---- */

static void window_want_entry(GtkWindow *parent, const CatalogEntry *entry)
{
	window_want(VIEWER_WINDOW(parent), WISH_IMAGE, catalog_entry_name(entry),
		catalog_entry_owner(entry));
}

/* One image leaves no choice. */
static void window_offer(ViewerWindow *window, GListModel *catalog)
{
	guint count = g_list_model_get_n_items(catalog);
	g_clear_object(&window->cancellable);
	window_calm(window);
	if (count == 0) {
		window_complain(window,
			"There is no image in shared memory yet. Load an image first.", TRUE);
		window->awaited = AWAITED_IMAGE;
	} else if (count == 1) {
		g_autoptr(CatalogEntry) entry = g_list_model_get_item(catalog, 0);
		window_want_entry(GTK_WINDOW(window), entry);
	} else {
		chooser_show(GTK_WINDOW(window), catalog, window_want_entry);
	}
}

static void window_on_catalog(GObject *source, GAsyncResult *result, gpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GListModel) catalog = catalog_read_finish(result, &error);
	if (catalog)
		window_offer(VIEWER_WINDOW(source), catalog);
	else
		window_fail(VIEWER_WINDOW(source), error);
}

static void window_start_display(ViewerWindow *window)
{
	g_clear_pointer(&window->wish, wish_free);
	GCancellable *cancellable = window_begin(window, "Asking for the images …");
	catalog_read(window->socket, window, cancellable, window_on_catalog, NULL);
}

static void window_on_display(GtkWidget *widget, const char *action, GVariant *parameter)
{
	(void)action;
	(void)parameter;
	window_start_display(VIEWER_WINDOW(widget));
}

/* ---- Try Again ---- */

static void window_on_retry(GtkWidget *widget, const char *action, GVariant *parameter)
{
	(void)action;
	(void)parameter;
	ViewerWindow *window = VIEWER_WINDOW(widget);
	if (window->wish)
		window_obtain(window);
	else
		window_start_display(window);
}

/* ---- The window itself ---- */

static void window_destroy_dialog(GtkFileChooserNative *dialog)
{
	gtk_native_dialog_destroy(GTK_NATIVE_DIALOG(dialog));
	g_object_unref(dialog);
}

static void window_dispose(GObject *object)
{
	ViewerWindow *window = VIEWER_WINDOW(object);
	window_abandon(window);
	g_clear_pointer(&window->observer, observer_stop);
	g_clear_pointer(&window->files, window_destroy_dialog);
	g_clear_pointer(&window->view, view_free);
	g_clear_pointer(&window->wish, wish_free);
	g_clear_pointer(&window->socket, g_free);
	G_OBJECT_CLASS(viewer_window_parent_class)->dispose(object);
}

static void window_add_zoom(GtkWidgetClass *class)
{
	static const char *const zooms[] = {
		LAYOUT_ZOOM_IN, LAYOUT_ZOOM_OUT, LAYOUT_ACTUAL, LAYOUT_FIT};
	for (gsize i = 0; i < G_N_ELEMENTS(zooms); i++)
		gtk_widget_class_install_action(class, zooms[i], NULL, window_on_zoom);
	gtk_widget_class_install_action(class, LAYOUT_SIDE, NULL, window_on_side);
}

static void viewer_window_class_init(ViewerWindowClass *class)
{
	GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
	G_OBJECT_CLASS(class)->dispose = window_dispose;
	gtk_widget_class_install_action(widget, LAYOUT_LOAD, NULL, window_on_load);
	gtk_widget_class_install_action(widget, LAYOUT_DISPLAY, NULL, window_on_display);
	gtk_widget_class_install_action(widget, LAYOUT_RETRY, NULL, window_on_retry);
	window_add_zoom(widget);
	keys_bind(widget);
}

static void viewer_window_init(ViewerWindow *window)
{
	GtkDropTarget *drop = gtk_drop_target_new(G_TYPE_FILE, GDK_ACTION_COPY);
	g_signal_connect(drop, "drop", G_CALLBACK(window_on_drop), window);
	gtk_widget_add_controller(GTK_WIDGET(window), GTK_EVENT_CONTROLLER(drop));
	gtk_window_set_title(GTK_WINDOW(window), TITLE);
	gtk_window_set_icon_name(GTK_WINDOW(window), "shmimg-viewer");
	window->shelf = follow_make_shelf(window);
	layout_build(&window->layout, GTK_WINDOW(window), GTK_WIDGET(window->shelf));
	window_enable_zoom(window, FALSE);
	g_autoptr(GtkShortcutsWindow) help = keys_help();
	gtk_application_window_set_help_overlay(GTK_APPLICATION_WINDOW(window), help);
}

ViewerWindow *viewer_window_new(GtkApplication *application, const char *socket)
{
	ViewerWindow *window = g_object_new(VIEWER_TYPE_WINDOW, "application", application, NULL);
	window->socket = g_strdup(socket);
	follow_start(window);
	return window;
}

void viewer_window_open(ViewerWindow *window, const char *operand, gboolean exact)
{
	window_want(window, exact ? WISH_IMAGE : WISH_EITHER, operand, -1);
}
