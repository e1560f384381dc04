/*
 * The sidebar. Rows request thumbnails when they come into view, so a long list costs only what the
 * user sees of it.
 */
#include "client/viewer/sidebar.h"

#include <string.h>

#include "client/viewer/accessible.h"

enum { PICTURE_SIDE = 48, SPACE = 6, WIDTH = 230 };

struct _ViewerSidebar {
	GtkBox parent;
	GListStore *images;
	GtkSingleSelection *selection;
	GtkLabel *note; /* why the list is empty or old; hidden otherwise */
	char *away;	/* why there is no daemon, or NULL */
	sidebar_thumbnail request;
	sidebar_chosen chosen;
	gpointer data;
};

G_DEFINE_FINAL_TYPE(ViewerSidebar, viewer_sidebar, GTK_TYPE_BOX)

/* ---- Rows: a picture, a name, the folder ---- */

static void sidebar_request_thumbnail(CatalogEntry *image, GParamSpec *spec, ViewerSidebar *sidebar)
{
	(void)spec;
	guint scale = (guint)gtk_widget_get_scale_factor(GTK_WIDGET(sidebar));
	sidebar->request(sidebar->data, image, PICTURE_SIDE * scale);
}

static void sidebar_show_thumbnail(CatalogEntry *image, GParamSpec *spec, GtkImage *picture)
{
	(void)spec;
	gtk_image_set_from_paintable(picture, GDK_PAINTABLE(catalog_entry_thumbnail(image)));
}

static GtkWidget *sidebar_make_label(PangoEllipsizeMode cut)
{
	GtkWidget *label = gtk_label_new(NULL);
	gtk_label_set_xalign(GTK_LABEL(label), 0);
	gtk_label_set_ellipsize(GTK_LABEL(label), cut);
	gtk_label_set_max_width_chars(GTK_LABEL(label), 16);
	gtk_widget_set_hexpand(label, TRUE);
	return label;
}

static void sidebar_set_up_row(GtkSignalListItemFactory *factory, GtkListItem *row)
{
	(void)factory;
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, SPACE);
	/* The row has a name; a screen reader must not read the picture too. */
	GtkWidget *picture = g_object_new(
		GTK_TYPE_IMAGE, "accessible-role", GTK_ACCESSIBLE_ROLE_PRESENTATION, NULL);
	GtkWidget *words = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
	GtkWidget *folder = sidebar_make_label(PANGO_ELLIPSIZE_START);
	gtk_image_set_pixel_size(GTK_IMAGE(picture), PICTURE_SIDE);
	gtk_widget_add_css_class(folder, "caption");
	gtk_widget_set_opacity(folder, 0.8);
	gtk_widget_set_valign(words, GTK_ALIGN_CENTER);
	gtk_box_append(GTK_BOX(words), sidebar_make_label(PANGO_ELLIPSIZE_MIDDLE));
	gtk_box_append(GTK_BOX(words), folder);
	gtk_box_append(GTK_BOX(box), picture);
	gtk_box_append(GTK_BOX(box), words);
	gtk_list_item_set_child(row, box);
}

/* Shows the last part of a path in a line of its own: it tells images apart. */
static void sidebar_show_name(GtkWidget *words, const char *label, gsize name_length)
{
	const char *slash = g_strrstr_len(label, (gssize)name_length, "/");
	gboolean is_path = slash && (gsize)(slash - label) + 1 < name_length;
	g_autofree char *folder = g_strndup(label, is_path ? (gsize)(slash - label) : 0);
	GtkWidget *second = gtk_widget_get_last_child(words);
	gtk_label_set_text(
		GTK_LABEL(gtk_widget_get_first_child(words)), is_path ? slash + 1 : label);
	gtk_label_set_text(GTK_LABEL(second), folder);
	gtk_widget_set_visible(second, *folder != '\0');
}

static void sidebar_bind_row(
	GtkSignalListItemFactory *factory, GtkListItem *row, ViewerSidebar *sidebar)
{
	(void)factory;
	CatalogEntry *image = gtk_list_item_get_item(row);
	GtkWidget *box = gtk_list_item_get_child(row);
	GtkWidget *picture = gtk_widget_get_first_child(box);
	const char *text = catalog_entry_label(image);
	sidebar_show_name(gtk_widget_get_last_child(box), text, strlen(catalog_entry_name(image)));
	gtk_widget_set_tooltip_text(box, text);
	accessible_name_row(box, text);
	g_signal_connect(image, "notify::thumbnail", G_CALLBACK(sidebar_show_thumbnail), picture);
	g_signal_connect(
		image, "notify::generation", G_CALLBACK(sidebar_request_thumbnail), sidebar);
	sidebar_show_thumbnail(image, NULL, GTK_IMAGE(picture));
	if (!catalog_entry_thumbnail(image))
		sidebar_request_thumbnail(image, NULL, sidebar);
}

static void sidebar_unbind_row(
	GtkSignalListItemFactory *factory, GtkListItem *row, ViewerSidebar *sidebar)
{
	(void)factory;
	CatalogEntry *image = gtk_list_item_get_item(row);
	GtkWidget *picture = gtk_widget_get_first_child(gtk_list_item_get_child(row));
	g_signal_handlers_disconnect_by_func(image, sidebar_show_thumbnail, picture);
	g_signal_handlers_disconnect_by_func(image, sidebar_request_thumbnail, sidebar);
}

static void sidebar_on_activate(GtkListView *list, guint position, ViewerSidebar *sidebar)
{
	(void)list;
	g_autoptr(CatalogEntry) image =
		g_list_model_get_item(G_LIST_MODEL(sidebar->images), position);
	sidebar->chosen(sidebar->data, image);
}

/* ---- The list ---- */

static void sidebar_show_note(ViewerSidebar *sidebar)
{
	gboolean is_empty = g_list_model_get_n_items(G_LIST_MODEL(sidebar->images)) == 0;
	g_autofree char *text = NULL;
	if (sidebar->away)
		text = g_strdup_printf("Waiting for the daemon: %s%s", sidebar->away,
			is_empty ? "" : "\nThe list is from before.");
	else
		text = g_strdup(is_empty ? "No images yet." : "");
	gtk_label_set_text(sidebar->note, text);
	gtk_widget_set_visible(GTK_WIDGET(sidebar->note), *text != '\0');
}

/* The index of an image in the list, or -1. */
static int sidebar_index_of(ViewerSidebar *sidebar, const char *name, gint64 owner)
{
	guint count = g_list_model_get_n_items(G_LIST_MODEL(sidebar->images));
	for (guint i = 0; i < count; i++) {
		g_autoptr(CatalogEntry) image =
			g_list_model_get_item(G_LIST_MODEL(sidebar->images), i);
		if (catalog_entry_is(image, name, owner))
			return (int)i;
	}
	return -1;
}

CatalogEntry *viewer_sidebar_find(ViewerSidebar *sidebar, const char *name, gint64 owner)
{
	int index = sidebar_index_of(sidebar, name, owner);
	if (index < 0)
		return NULL;
	g_autoptr(CatalogEntry) image =
		g_list_model_get_item(G_LIST_MODEL(sidebar->images), (guint)index);
	return image;
}

/* The images of the list, hashed by name and owner. */
static GHashTable *sidebar_known_images(ViewerSidebar *sidebar)
{
	guint count = g_list_model_get_n_items(G_LIST_MODEL(sidebar->images));
	GHashTable *known = g_hash_table_new_full(
		catalog_entry_hash, catalog_entry_equal, g_object_unref, NULL);
	for (guint i = 0; i < count; i++)
		g_hash_table_add(known, g_list_model_get_item(G_LIST_MODEL(sidebar->images), i));
	return known;
}

void viewer_sidebar_set(ViewerSidebar *sidebar, GListModel *images)
{
	guint count = g_list_model_get_n_items(images);
	g_autoptr(GHashTable) before = sidebar_known_images(sidebar);
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_object_unref);
	for (guint i = 0; i < count; i++) {
		CatalogEntry *image = g_list_model_get_item(images, i);
		CatalogEntry *known = g_hash_table_lookup(before, image);
		if (known) {
			catalog_entry_set_generation(known, catalog_entry_generation(image));
			g_object_unref(image);
			image = g_object_ref(known);
		}
		g_ptr_array_add(all, image);
	}
	g_list_store_splice(sidebar->images, 0,
		g_list_model_get_n_items(G_LIST_MODEL(sidebar->images)), all->pdata, all->len);
	viewer_sidebar_show_away(sidebar, NULL);
}

void viewer_sidebar_put(ViewerSidebar *sidebar, CatalogEntry *image)
{
	CatalogEntry *known =
		viewer_sidebar_find(sidebar, catalog_entry_name(image), catalog_entry_owner(image));
	if (known)
		catalog_entry_set_generation(known, catalog_entry_generation(image));
	else
		g_list_store_insert(sidebar->images, 0, image);
	sidebar_show_note(sidebar);
}

void viewer_sidebar_remove(ViewerSidebar *sidebar, const CatalogEntry *image)
{
	int index =
		sidebar_index_of(sidebar, catalog_entry_name(image), catalog_entry_owner(image));
	if (index >= 0)
		g_list_store_remove(sidebar->images, (guint)index);
	sidebar_show_note(sidebar);
}

void viewer_sidebar_show_away(ViewerSidebar *sidebar, const char *why)
{
	g_free(sidebar->away);
	sidebar->away = g_strdup(why);
	sidebar_show_note(sidebar);
}

void viewer_sidebar_select(ViewerSidebar *sidebar, const CatalogEntry *image)
{
	int index =
		sidebar_index_of(sidebar, catalog_entry_name(image), catalog_entry_owner(image));
	gtk_single_selection_set_selected(
		sidebar->selection, index < 0 ? GTK_INVALID_LIST_POSITION : (guint)index);
}

/* ---- The widget itself ---- */

static GtkWidget *sidebar_make_list(ViewerSidebar *sidebar, GtkLabel *title)
{
	GtkListItemFactory *factory = gtk_signal_list_item_factory_new();
	g_signal_connect(factory, "setup", G_CALLBACK(sidebar_set_up_row), NULL);
	g_signal_connect(factory, "bind", G_CALLBACK(sidebar_bind_row), sidebar);
	g_signal_connect(factory, "unbind", G_CALLBACK(sidebar_unbind_row), sidebar);
	GtkWidget *list =
		gtk_list_view_new(GTK_SELECTION_MODEL(g_object_ref(sidebar->selection)), factory);
	gtk_list_view_set_single_click_activate(GTK_LIST_VIEW(list), TRUE);
	gtk_widget_add_css_class(list, "navigation-sidebar");
	gtk_label_set_mnemonic_widget(title, list);
	gtk_accessible_update_relation(
		GTK_ACCESSIBLE(list), GTK_ACCESSIBLE_RELATION_LABELLED_BY, title, NULL, -1);
	g_signal_connect(list, "activate", G_CALLBACK(sidebar_on_activate), sidebar);
	return list;
}

static void sidebar_dispose(GObject *object)
{
	ViewerSidebar *sidebar = VIEWER_SIDEBAR(object);
	/* Rows are unbound before the sidebar goes. */
	if (sidebar->images)
		g_list_store_remove_all(sidebar->images);
	g_clear_object(&sidebar->selection);
	g_clear_object(&sidebar->images);
	g_clear_pointer(&sidebar->away, g_free);
	G_OBJECT_CLASS(viewer_sidebar_parent_class)->dispose(object);
}

static void viewer_sidebar_class_init(ViewerSidebarClass *class)
{
	G_OBJECT_CLASS(class)->dispose = sidebar_dispose;
}

static void viewer_sidebar_init(ViewerSidebar *sidebar)
{
	sidebar->images = g_list_store_new(CATALOG_TYPE_ENTRY);
	sidebar->selection = gtk_single_selection_new(G_LIST_MODEL(g_object_ref(sidebar->images)));
	gtk_single_selection_set_autoselect(sidebar->selection, FALSE);
	gtk_single_selection_set_can_unselect(sidebar->selection, TRUE);
	gtk_orientable_set_orientation(GTK_ORIENTABLE(sidebar), GTK_ORIENTATION_VERTICAL);
	gtk_box_set_spacing(GTK_BOX(sidebar), SPACE);
	sidebar->note = GTK_LABEL(gtk_label_new(NULL));
	gtk_label_set_wrap(sidebar->note, TRUE);
	gtk_label_set_wrap_mode(sidebar->note, PANGO_WRAP_WORD_CHAR);
	gtk_label_set_xalign(sidebar->note, 0);
	gtk_label_set_width_chars(sidebar->note, 20);
	gtk_label_set_max_width_chars(sidebar->note, 28);
	gtk_widget_set_visible(GTK_WIDGET(sidebar->note), FALSE);
	GtkWidget *title = gtk_label_new_with_mnemonic("_Images in shared memory");
	gtk_label_set_xalign(GTK_LABEL(title), 0);
	gtk_widget_add_css_class(title, "heading");
	gtk_box_append(GTK_BOX(sidebar), title);
	gtk_box_append(GTK_BOX(sidebar), GTK_WIDGET(sidebar->note));
	GtkWidget *scrolled = gtk_scrolled_window_new();
	gtk_scrolled_window_set_policy(
		GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
	gtk_scrolled_window_set_child(
		GTK_SCROLLED_WINDOW(scrolled), sidebar_make_list(sidebar, GTK_LABEL(title)));
	gtk_widget_set_vexpand(scrolled, TRUE);
	gtk_widget_set_size_request(scrolled, WIDTH, -1);
	gtk_box_append(GTK_BOX(sidebar), scrolled);
}

GtkWidget *viewer_sidebar_new(sidebar_thumbnail request, sidebar_chosen chosen, gpointer data)
{
	ViewerSidebar *sidebar = g_object_new(VIEWER_TYPE_SIDEBAR, NULL);
	sidebar->request = request;
	sidebar->chosen = chosen;
	sidebar->data = data;
	return GTK_WIDGET(sidebar);
}
