/*
 * An image as lists show it.
 */
#include "client/viewer/entry.h"

#include <pwd.h>
#include <unistd.h>

struct _CatalogEntry {
	GObject parent;
	char *name;
	char *label;
	gint64 owner;
	guint64 generation;
	GdkTexture *thumbnail;
};

G_DEFINE_FINAL_TYPE(CatalogEntry, catalog_entry, G_TYPE_OBJECT)

enum { LABEL = 1, GENERATION, THUMBNAIL, PROPERTIES };
static GParamSpec *properties[PROPERTIES];

static void entry_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	const CatalogEntry *entry = CATALOG_ENTRY(object);
	if (id == LABEL)
		g_value_set_string(value, entry->label);
	else if (id == GENERATION)
		g_value_set_uint64(value, entry->generation);
	else if (id == THUMBNAIL)
		g_value_set_object(value, entry->thumbnail);
	else
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void entry_finalize(GObject *object)
{
	CatalogEntry *entry = CATALOG_ENTRY(object);
	g_free(entry->name);
	g_free(entry->label);
	g_clear_object(&entry->thumbnail);
	G_OBJECT_CLASS(catalog_entry_parent_class)->finalize(object);
}

static void catalog_entry_class_init(CatalogEntryClass *class)
{
	const GParamFlags flags =
		G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
	GObjectClass *object = G_OBJECT_CLASS(class);
	object->get_property = entry_get_property;
	object->finalize = entry_finalize;
	properties[LABEL] = g_param_spec_string("label", NULL, NULL, NULL, flags);
	properties[GENERATION] =
		g_param_spec_uint64("generation", NULL, NULL, 0, G_MAXUINT64, 0, flags);
	properties[THUMBNAIL] =
		g_param_spec_object("thumbnail", NULL, NULL, GDK_TYPE_TEXTURE, flags);
	g_object_class_install_properties(object, PROPERTIES, properties);
}

static void catalog_entry_init(CatalogEntry *entry)
{
	entry->owner = -1;
}

static char *entry_make_label(const char *name, gint64 owner)
{
	char buffer[4096];
	struct passwd user, *found = NULL;
	if (owner < 0 || owner == (gint64)getuid())
		return g_strdup(name);
	if (getpwuid_r((uid_t)owner, &user, buffer, sizeof(buffer), &found) != 0 || !found)
		return g_strdup_printf("%s (of user %" G_GINT64_FORMAT ")", name, owner);
	return g_strdup_printf("%s (of %s)", name, user.pw_name);
}

CatalogEntry *catalog_entry_new(const char *name, gint64 owner, guint64 generation)
{
	CatalogEntry *entry = g_object_new(CATALOG_TYPE_ENTRY, NULL);
	entry->name = g_strdup(name);
	entry->owner = owner;
	entry->generation = generation;
	entry->label = entry_make_label(name, owner);
	return entry;
}

const char *catalog_entry_name(const CatalogEntry *entry)
{
	return entry->name;
}

gint64 catalog_entry_owner(const CatalogEntry *entry)
{
	return entry->owner;
}

guint64 catalog_entry_generation(const CatalogEntry *entry)
{
	return entry->generation;
}

void catalog_entry_set_generation(CatalogEntry *entry, guint64 generation)
{
	if (entry->generation == generation)
		return;
	entry->generation = generation;
	g_object_notify_by_pspec(G_OBJECT(entry), properties[GENERATION]);
}

const char *catalog_entry_label(const CatalogEntry *entry)
{
	return entry->label;
}

GdkTexture *catalog_entry_thumbnail(const CatalogEntry *entry)
{
	return entry->thumbnail;
}

void catalog_entry_set_thumbnail(CatalogEntry *entry, GdkTexture *thumbnail)
{
	if (g_set_object(&entry->thumbnail, thumbnail))
		g_object_notify_by_pspec(G_OBJECT(entry), properties[THUMBNAIL]);
}

gboolean catalog_entry_is(const CatalogEntry *entry, const char *name, gint64 owner)
{
	return entry->owner == owner && g_str_equal(entry->name, name);
}

guint catalog_entry_hash(gconstpointer entry)
{
	const CatalogEntry *image = entry;
	return g_str_hash(image->name) ^ (guint)image->owner;
}

gboolean catalog_entry_equal(gconstpointer one, gconstpointer other)
{
	const CatalogEntry *image = other;
	return catalog_entry_is(one, image->name, image->owner);
}

int catalog_entry_by_age(gconstpointer one, gconstpointer other, gpointer data)
{
	(void)data;
	const CatalogEntry *first = one, *second = other;
	return (first->generation < second->generation) - (first->generation > second->generation);
}
