/*
 * The requests of a window. Requests run in threads of GLib's; a window has at most one, whose
 * cancellable it keeps. An error that another program can make untrue is noted as awaited, so
 * that updates.c can make the request again by itself.
 */
#include "client/viewer/request.h"

#include "client/viewer/connection.h"

void request_cancel(ViewerWindow *window)
{
	if (window->cancellable)
		g_cancellable_cancel(window->cancellable);
	g_clear_object(&window->cancellable);
}

GCancellable *request_begin(ViewerWindow *window, const char *busy)
{
	request_cancel(window);
	window->cancellable = g_cancellable_new();
	window->awaited = AWAITED_NOTHING;
	layout_show_busy(&window->layout, busy);
	return window->cancellable;
}

/* The window shows the message to the user; standard error has it for scripts. */
void request_show_error(ViewerWindow *window, const char *message, gboolean again)
{
	g_clear_object(&window->cancellable);
	window->awaited = AWAITED_NOTHING;
	layout_show_error(&window->layout, message, again);
	g_printerr("shmimg-viewer: %s\n", message);
}

void request_fail(ViewerWindow *window, const GError *error)
{
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;
	request_show_error(window, error->message, TRUE);
	if (g_error_matches(error, CONNECTION_ERROR, CONNECTION_NO_DAEMON))
		window->awaited = AWAITED_DAEMON;
}

void request_clear_error(ViewerWindow *window)
{
	window->awaited = AWAITED_NOTHING;
	layout_show_message(&window->layout, window->view ? window->view->about : "");
}

void request_enable_zoom(ViewerWindow *window, gboolean enabled)
{
	static const char *const actions[] = {
		LAYOUT_ZOOM_IN, LAYOUT_ZOOM_OUT, LAYOUT_ACTUAL, LAYOUT_FIT};
	for (gsize i = 0; i < G_N_ELEMENTS(actions); i++)
		gtk_widget_action_set_enabled(GTK_WIDGET(window), actions[i], enabled);
}

void request_show(ViewerWindow *window, struct view *view)
{
	g_clear_object(&window->cancellable);
	window->awaited = AWAITED_NOTHING;
	g_autofree char *title = g_strdup_printf("%s - %s", view->name, WINDOW_TITLE);
	gtk_window_set_title(GTK_WINDOW(window), title);
	layout_show(&window->layout, view->picture, view->name, view->about);
	view_free(window->view);
	window->view = view;
	request_enable_zoom(window, TRUE);
	g_signal_emit_by_name(window, WINDOW_SHOWN);
}

static void request_on_view(GObject *source, GAsyncResult *result, gpointer data)
{
	(void)data;
	g_autoptr(GError) error = NULL;
	struct view *view = view_obtain_finish(result, &error);
	if (view)
		request_show(VIEWER_WINDOW(source), view);
	else
		request_fail(VIEWER_WINDOW(source), error);
}

void request_repeat(ViewerWindow *window)
{
	g_autofree char *shown = g_filename_display_basename(window->request->text);
	g_autofree char *busy = g_strdup_printf("Waiting for %s …", shown);
	GCancellable *cancellable = request_begin(window, busy);
	view_obtain(window->request, window, cancellable, request_on_view, NULL);
}

void request_view(ViewerWindow *window, enum view_kind kind, const char *text, gint64 owner)
{
	struct view_request *request = view_request_new(kind, window->socket, text, owner);
	view_request_free(window->request);
	window->request = request;
	request_repeat(window);
}
