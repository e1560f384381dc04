/*
 * A view, obtained in a thread: connect, load or fetch, then read all pixels once.
 */
#include "client/viewer/view.h"

#include <errno.h>
#include <unistd.h>

#include "client/common/by-name.h"
#include "client/viewer/connection.h"

/* How long to wait for the lock of an image. Programs hold it for moments only. */
enum { LOCK_MS = 1000 };

struct view_request *view_request_new(
	enum view_kind kind, const char *socket, const char *text, gint64 owner)
{
	struct view_request *request = g_new(struct view_request, 1);
	*request = (struct view_request){
		.kind = kind, .socket = g_strdup(socket), .text = g_strdup(text), .owner = owner};
	return request;
}

void view_request_free(struct view_request *request)
{
	if (!request)
		return;
	g_free(request->socket);
	g_free(request->text);
	g_free(request);
}

static void view_free_request(gpointer request)
{
	view_request_free(request);
}

void view_free(struct view *view)
{
	if (!view)
		return;
	g_clear_pointer(&view->picture, picture_unref);
	g_free(view->name);
	g_free(view->about);
	shmimg_close(view->client);
	g_free(view);
}

static void view_free_data(gpointer view)
{
	view_free(view);
}

/* Loads in the default format, so that all programs share one copy. */
static int view_load(
	shmimg_client *client, const struct view_request *request, shmimg_image **image)
{
	return shmimg_load(client, request->text, NULL, NULL, image);
}

/* Prefers the format that GTK need not convert, and takes any other. */
static int view_fetch(shmimg_client *client, const char *name, gint64 owner, shmimg_image **image)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.owner = owner;
	options.format = SHMIMG_BGRA8_PREMUL;
	int result = shmimg_fetch(client, name, &options, image);
	if (result != -ENOENT)
		return result;
	options.format = SHMIMG_DEFAULT;
	return shmimg_fetch(client, name, &options, image);
}

/* The context of view_fetch_by_name(). */
struct view_fetching {
	gint64 owner;
	shmimg_image **image;
};

static int view_fetch_by_name(shmimg_client *client, const char *name, void *context)
{
	const struct view_fetching *fetching = context;
	return view_fetch(client, name, fetching->owner, fetching->image);
}

/*
 * The image of the file with this path, or else the image with exactly this name. An image of this
 * user by either name goes before an image that another user shares.
 */
static int view_fetch_either(
	shmimg_client *client, const struct view_request *request, shmimg_image **image)
{
	struct view_fetching fetching = {SHMIMG_OWNER_SELF, image};
	int result = by_name(client, request->text, view_fetch_by_name, &fetching);
	if (result != -ENOENT)
		return result;
	fetching.owner = SHMIMG_OWNER_ANY;
	return by_name(client, request->text, view_fetch_by_name, &fetching);
}

static int view_fetch_or_load(
	shmimg_client *client, const struct view_request *request, shmimg_image **image)
{
	switch (request->kind) {
	case VIEW_FILE:
		return view_load(client, request, image);
	case VIEW_IMAGE:
		return view_fetch(client, request->text,
			request->owner < 0 ? SHMIMG_OWNER_ANY : request->owner, image);
	case VIEW_EITHER:
		return access(request->text, F_OK) == 0 ? view_load(client, request, image)
							: view_fetch_either(client, request, image);
	}
	return -EINVAL;
}

static void view_set_error(
	const shmimg_client *client, const struct view_request *request, int result, GError **error)
{
	g_autofree char *shown = g_filename_display_name(request->text);
	if (request->kind == VIEW_EITHER && result == -ENOENT) {
		g_set_error(error, CONNECTION_ERROR, -result,
			"There is neither a file nor an image in shared memory called %s. "
			"Check the name, or load the image first.",
			shown);
		return;
	}
	g_autofree char *doing = g_strdup_printf("Cannot show %s", shown);
	connection_set_error(client, doing, result, error);
	if (result != -EILSEQ)
		return;
	g_autofree char *why = (*error)->message;
	(*error)->message = g_strdup_printf("%s Choose another file.", why);
}

static char *view_describe(const shmimg_image *image, gboolean is_locked)
{
	return g_strdup_printf("%u × %u, %s, in shared memory%s", shmimg_width(image),
		shmimg_height(image), shmimg_format_name(shmimg_image_format(image)),
		is_locked ? "; another program holds its lock" : "");
}

/*
 * Reads the pixels under the image's lock, as programs that use the lock expect, so that drawing
 * need not wait for them. A published image never changes, so it is shown even if another program
 * keeps the lock.
 */
static void view_fill(struct view *view, shmimg_image *image)
{
	int locked = shmimg_lock(image, LOCK_MS);
	view->name = g_strdup(shmimg_name(image));
	view->owner = shmimg_owner(image);
	view->generation = shmimg_generation(image);
	view->about = view_describe(image, locked == -ETIMEDOUT);
	view->picture = picture_new(image);
	picture_read(view->picture);
	if (locked == 0)
		shmimg_unlock(image);
}

static void view_run(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
	(void)source;
	(void)cancellable;
	const struct view_request *request = data;
	GError *error = NULL;
	shmimg_image *image = NULL;
	shmimg_client *client = connection_open(request->socket, &error);
	if (!client) {
		g_task_return_error(task, error);
		return;
	}
	int result = view_fetch_or_load(client, request, &image);
	if (result < 0) {
		view_set_error(client, request, result, &error);
		shmimg_close(client);
		g_task_return_error(task, error);
		return;
	}
	struct view *view = g_new0(struct view, 1);
	view->client = client;
	view_fill(view, image);
	g_task_return_pointer(task, view, view_free_data);
}

void view_obtain(const struct view_request *request, gpointer source, GCancellable *cancellable,
	GAsyncReadyCallback callback, gpointer data)
{
	g_autoptr(GTask) task = g_task_new(source, cancellable, callback, data);
	g_task_set_task_data(task,
		view_request_new(request->kind, request->socket, request->text, request->owner),
		view_free_request);
	g_task_set_return_on_cancel(task, TRUE);
	g_task_run_in_thread(task, view_run);
}

struct view *view_obtain_finish(GAsyncResult *result, GError **error)
{
	return g_task_propagate_pointer(G_TASK(result), error);
}
