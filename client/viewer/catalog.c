/*
 * The list of images in shared memory.
 */
#include "client/viewer/catalog.h"

#include "client/viewer/connection.h"

CatalogEntry *catalog_entry_of(const shmimg_record *record)
{
	const char *name = shmimg_record_get(record, "name");
	const char *owner = shmimg_record_get(record, "owner");
	const char *generation = shmimg_record_get(record, "generation");
	if (!name)
		return NULL;
	return catalog_entry_new(name, owner ? g_ascii_strtoll(owner, NULL, 10) : -1,
		generation ? g_ascii_strtoull(generation, NULL, 10) : 0);
}

/* Appends an image to the list. */
static int catalog_add(const shmimg_record *record, void *list)
{
	g_autoptr(CatalogEntry) entry = catalog_entry_of(record);
	if (entry)
		g_list_store_append(list, entry);
	return 0;
}

int catalog_fill(GListStore *list, shmimg_client *client)
{
	int result = shmimg_list(client, NULL, catalog_add, list);
	g_list_store_sort(list, catalog_entry_by_age, NULL);
	return result;
}

static void catalog_run(GTask *task, gpointer source, gpointer socket, GCancellable *cancellable)
{
	(void)source;
	(void)cancellable;
	GError *error = NULL;
	shmimg_client *client = connection_open(socket, &error);
	g_autoptr(GListStore) list = g_list_store_new(CATALOG_TYPE_ENTRY);
	if (client) {
		int result = catalog_fill(list, client);
		if (result < 0)
			connection_set_error(client, "Cannot list images", result, &error);
		shmimg_close(client);
	}
	if (error)
		g_task_return_error(task, error);
	else
		g_task_return_pointer(task, g_steal_pointer(&list), g_object_unref);
}

void catalog_read(const char *socket, gpointer source, GCancellable *cancellable,
	GAsyncReadyCallback callback, gpointer data)
{
	g_autoptr(GTask) task = g_task_new(source, cancellable, callback, data);
	g_task_set_task_data(task, g_strdup(socket), g_free);
	g_task_set_return_on_cancel(task, TRUE);
	g_task_run_in_thread(task, catalog_run);
}

GListModel *catalog_read_finish(GAsyncResult *result, GError **error)
{
	return g_task_propagate_pointer(G_TASK(result), error);
}
