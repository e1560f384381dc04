/*
 * The window: its actions, the dialogs that they open, and its construction. What the user asks for
 * goes to request.c; updates.c follows other programs.
 */
#include "client/viewer/window.h"

#include "client/viewer/catalog.h"
#include "client/viewer/chooser.h"
#include "client/viewer/keys.h"
#include "client/viewer/request.h"
#include "client/viewer/updates.h"
#include "client/viewer/window-state.h"

G_DEFINE_FINAL_TYPE(ViewerWindow, viewer_window, GTK_TYPE_APPLICATION_WINDOW)

/* ---- Zoom and sidebar ---- */

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

static void window_on_sidebar(GtkWidget *widget, const char *action, GVariant *parameter)
{
	(void)action;
	(void)parameter;
	GtkWidget *side = VIEWER_WINDOW(widget)->layout.side;
	gtk_widget_set_visible(side, !gtk_widget_get_visible(side));
}

/* ---- Load Image from File... ---- */

static void window_request_file(ViewerWindow *window, GFile *file)
{
	g_autofree char *path = g_file_get_path(file);
	if (path) {
		request_view(window, VIEW_FILE, path, -1);
		return;
	}
	request_cancel(window);
	request_show_error(
		window, "This file is not on this machine. Choose a file that is.", FALSE);
}

static void window_on_file(GtkNativeDialog *dialog, int response, ViewerWindow *window)
{
	g_autoptr(GFile) file = NULL;
	if (response == GTK_RESPONSE_ACCEPT)
		file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog));
	g_clear_object(&window->files);
	if (file)
		window_request_file(window, file);
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
	window_request_file(window, g_value_get_object(value));
	return TRUE;
}

/* ---- Display Image from Shared Memory ---- */

static void window_request_entry(GtkWindow *parent, const CatalogEntry *entry)
{
	request_view(VIEWER_WINDOW(parent), VIEW_IMAGE, catalog_entry_name(entry),
		catalog_entry_owner(entry));
}

/* Shows the only image, or lets the user choose one of several. */
static void window_offer(ViewerWindow *window, GListModel *catalog)
{
	guint count = g_list_model_get_n_items(catalog);
	g_clear_object(&window->cancellable);
	request_clear_error(window);
	if (count == 0) {
		request_show_error(window,
			"There is no image in shared memory yet. Load an image first.", TRUE);
		window->awaited = AWAITED_IMAGE;
	} else if (count == 1) {
		g_autoptr(CatalogEntry) entry = g_list_model_get_item(catalog, 0);
		window_request_entry(GTK_WINDOW(window), entry);
	} else {
		chooser_show(GTK_WINDOW(window), catalog, window_request_entry);
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
		request_fail(VIEWER_WINDOW(source), error);
}

static void window_request_catalog(ViewerWindow *window)
{
	g_clear_pointer(&window->request, view_request_free);
	GCancellable *cancellable = request_begin(window, "Listing the images …");
	catalog_read(window->socket, window, cancellable, window_on_catalog, NULL);
}

static void window_on_display(GtkWidget *widget, const char *action, GVariant *parameter)
{
	(void)action;
	(void)parameter;
	window_request_catalog(VIEWER_WINDOW(widget));
}

/* ---- Try Again ---- */

static void window_on_retry(GtkWidget *widget, const char *action, GVariant *parameter)
{
	(void)action;
	(void)parameter;
	ViewerWindow *window = VIEWER_WINDOW(widget);
	if (window->request)
		request_repeat(window);
	else
		window_request_catalog(window);
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
	request_cancel(window);
	g_clear_pointer(&window->observer, observer_stop);
	g_clear_pointer(&window->files, window_destroy_dialog);
	g_clear_pointer(&window->view, view_free);
	g_clear_pointer(&window->request, view_request_free);
	g_clear_pointer(&window->socket, g_free);
	G_OBJECT_CLASS(viewer_window_parent_class)->dispose(object);
}

static void window_add_zoom(GtkWidgetClass *class)
{
	static const char *const zooms[] = {
		LAYOUT_ZOOM_IN, LAYOUT_ZOOM_OUT, LAYOUT_ACTUAL, LAYOUT_FIT};
	for (gsize i = 0; i < G_N_ELEMENTS(zooms); i++)
		gtk_widget_class_install_action(class, zooms[i], NULL, window_on_zoom);
	gtk_widget_class_install_action(class, LAYOUT_SIDEBAR, NULL, window_on_sidebar);
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
	g_signal_new(WINDOW_SHOWN, VIEWER_TYPE_WINDOW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
		G_TYPE_NONE, 0);
}

static void viewer_window_init(ViewerWindow *window)
{
	GtkDropTarget *drop = gtk_drop_target_new(G_TYPE_FILE, GDK_ACTION_COPY);
	g_signal_connect(drop, "drop", G_CALLBACK(window_on_drop), window);
	gtk_widget_add_controller(GTK_WIDGET(window), GTK_EVENT_CONTROLLER(drop));
	gtk_window_set_title(GTK_WINDOW(window), WINDOW_TITLE);
	gtk_window_set_icon_name(GTK_WINDOW(window), "shmimg-viewer");
	window->sidebar = updates_make_sidebar(window);
	layout_build(&window->layout, GTK_WINDOW(window), GTK_WIDGET(window->sidebar));
	request_enable_zoom(window, FALSE);
	g_autoptr(GtkShortcutsWindow) help = keys_help();
	gtk_application_window_set_help_overlay(GTK_APPLICATION_WINDOW(window), help);
}

GtkWindow *window_new(GtkApplication *application, const char *socket)
{
	ViewerWindow *window = g_object_new(VIEWER_TYPE_WINDOW, "application", application, NULL);
	window->socket = g_strdup(socket);
	updates_start(window);
	return GTK_WINDOW(window);
}

void window_open(GtkWindow *window, const char *operand, gboolean exact)
{
	request_view(VIEWER_WINDOW(window), exact ? VIEW_IMAGE : VIEW_EITHER, operand, -1);
}
