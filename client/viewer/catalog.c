/*
 * Which images there are in shared memory.
 * See catalog.h for what it does and never does.
 */
#include "client/viewer/catalog.h"

#include <pwd.h>
#include <unistd.h>

#include "client/include/shmimg.h"
#include "client/viewer/connection.h"

struct _CatalogEntry {
	GObject parent;
	char *name;
	char *label;
	gint64 owner;
	guint64 generation;
};

G_DEFINE_FINAL_TYPE(CatalogEntry, catalog_entry, G_TYPE_OBJECT)

enum { PROPERTY_LABEL = 1 };

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	if (id == PROPERTY_LABEL)
		g_value_set_string(value, CATALOG_ENTRY(object)->label);
	else
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void finalize(GObject *object)
{
	CatalogEntry *entry = CATALOG_ENTRY(object);
	g_free(entry->name);
	g_free(entry->label);
	G_OBJECT_CLASS(catalog_entry_parent_class)->finalize(object);
}

static void catalog_entry_class_init(CatalogEntryClass *class)
{
	GObjectClass *object = G_OBJECT_CLASS(class);
	object->get_property = get_property;
	object->finalize = finalize;
	g_object_class_install_property(object, PROPERTY_LABEL,
		g_param_spec_string(
			"label", NULL, NULL, NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void catalog_entry_init(CatalogEntry *entry)
{
	entry->owner = -1;
}

const char *catalog_entry_name(const CatalogEntry *entry)
{
	return entry->name;
}

gint64 catalog_entry_owner(const CatalogEntry *entry)
{
	return entry->owner;
}

const char *catalog_entry_label(const CatalogEntry *entry)
{
	return entry->label;
}

static char *label_of(const char *name, gint64 owner)
{
	char buffer[4096];
	struct passwd user, *found = NULL;
	if (owner < 0 || owner == (gint64)getuid())
		return g_strdup(name);
	if (getpwuid_r((uid_t)owner, &user, buffer, sizeof(buffer), &found) != 0 || !found)
		return g_strdup_printf("%s (of user %" G_GINT64_FORMAT ")", name, owner);
	return g_strdup_printf("%s (of %s)", name, user.pw_name);
}

/* Generations count up, whatever image they are of: what was loaded last goes first. */
static int by_age(gconstpointer one, gconstpointer other, gpointer data)
{
	(void)data;
	const CatalogEntry *first = one, *second = other;
	return (first->generation < second->generation) - (first->generation > second->generation);
}

/* Appends one ITEM of LIST to the list. */
static int add(const shmimg_record *record, void *list)
{
	const char *name = shmimg_record_get(record, "name");
	const char *owner = shmimg_record_get(record, "owner");
	const char *generation = shmimg_record_get(record, "generation");
	if (!name)
		return 0;
	g_autoptr(CatalogEntry) entry = g_object_new(CATALOG_TYPE_ENTRY, NULL);
	entry->name = g_strdup(name);
	entry->owner = owner ? g_ascii_strtoll(owner, NULL, 10) : -1;
	entry->generation = generation ? g_ascii_strtoull(generation, NULL, 10) : 0;
	entry->label = label_of(entry->name, entry->owner);
	g_list_store_append(list, entry);
	return 0;
}

static void run(GTask *task, gpointer source, gpointer socket, GCancellable *cancellable)
{
	(void)source;
	(void)cancellable;
	GError *error = NULL;
	shmimg_client *client = connection_open(socket, &error);
	g_autoptr(GListStore) list = g_list_store_new(CATALOG_TYPE_ENTRY);
	if (client) {
		int result = shmimg_list(client, NULL, add, list);
		if (result < 0)
			connection_complain(client, "Cannot list images", result, &error);
		g_list_store_sort(list, by_age, NULL);
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
	g_task_run_in_thread(task, run);
}

GListModel *catalog_read_finish(GAsyncResult *result, GError **error)
{
	return g_task_propagate_pointer(G_TASK(result), error);
}
