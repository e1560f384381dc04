/*
 * The list of images at a window's side.
 */
#include "client/viewer/shelf.h"

#include <string.h>

#include "client/viewer/accessible.h"

enum { PICTURE_SIDE = 48, SPACE = 6, WIDTH = 230 };

struct _ViewerShelf {
	GtkBox parent;
	GListStore *images;
	GtkSingleSelection *selection;
	GtkLabel *note; /* why there is nothing, or nothing new; else not visible */
	char *away;	/* why there is no daemon, or NULL */
	shelf_thumbnail want;
	shelf_chosen chosen;
	gpointer data;
};

G_DEFINE_FINAL_TYPE(ViewerShelf, viewer_shelf, GTK_TYPE_BOX)

/* ---- Rows: a picture, a name, the folder ---- */

static void shelf_want_thumbnail(CatalogEntry *image, GParamSpec *spec, ViewerShelf *shelf)
{
	(void)spec;
	guint scale = (guint)gtk_widget_get_scale_factor(GTK_WIDGET(shelf));
	shelf->want(shelf->data, image, PICTURE_SIDE * scale);
}

static void shelf_show_thumbnail(CatalogEntry *image, GParamSpec *spec, GtkImage *picture)
{
	(void)spec;
	gtk_image_set_from_paintable(picture, GDK_PAINTABLE(catalog_entry_thumbnail(image)));
}

static GtkWidget *shelf_make_label(PangoEllipsizeMode cut)
{
	GtkWidget *label = gtk_label_new(NULL);
	gtk_label_set_xalign(GTK_LABEL(label), 0);
	gtk_label_set_ellipsize(GTK_LABEL(label), cut);
	gtk_label_set_max_width_chars(GTK_LABEL(label), 16);
	gtk_widget_set_hexpand(label, TRUE);
	return label;
}

static void shelf_set_up_row(GtkSignalListItemFactory *factory, GtkListItem *row)
{
	(void)factory;
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, SPACE);
	/* The row has a name: the picture has nothing to add for who cannot see it. */
	GtkWidget *picture = g_object_new(
		GTK_TYPE_IMAGE, "accessible-role", GTK_ACCESSIBLE_ROLE_PRESENTATION, NULL);
	GtkWidget *words = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
	GtkWidget *folder = shelf_make_label(PANGO_ELLIPSIZE_START);
	gtk_image_set_pixel_size(GTK_IMAGE(picture), PICTURE_SIDE);
	gtk_widget_add_css_class(folder, "caption");
	gtk_widget_set_opacity(folder, 0.8);
	gtk_widget_set_valign(words, GTK_ALIGN_CENTER);
	gtk_box_append(GTK_BOX(words), shelf_make_label(PANGO_ELLIPSIZE_MIDDLE));
	gtk_box_append(GTK_BOX(words), folder);
	gtk_box_append(GTK_BOX(box), picture);
	gtk_box_append(GTK_BOX(box), words);
	gtk_list_item_set_child(row, box);
}

/* What tells images apart is the end of a path: it has a line of its own. */
static void shelf_show_name(GtkWidget *words, const char *label, gsize name_length)
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

static void shelf_bind_row(GtkSignalListItemFactory *factory, GtkListItem *row, ViewerShelf *shelf)
{
	(void)factory;
	CatalogEntry *image = gtk_list_item_get_item(row);
	GtkWidget *box = gtk_list_item_get_child(row);
	GtkWidget *picture = gtk_widget_get_first_child(box);
	const char *text = catalog_entry_label(image);
	shelf_show_name(gtk_widget_get_last_child(box), text, strlen(catalog_entry_name(image)));
	gtk_widget_set_tooltip_text(box, text);
	accessible_name_row(box, text);
	g_signal_connect(image, "notify::thumbnail", G_CALLBACK(shelf_show_thumbnail), picture);
	g_signal_connect(image, "notify::generation", G_CALLBACK(shelf_want_thumbnail), shelf);
	shelf_show_thumbnail(image, NULL, GTK_IMAGE(picture));
	if (!catalog_entry_thumbnail(image))
		shelf_want_thumbnail(image, NULL, shelf);
}

static void shelf_unbind_row(
	GtkSignalListItemFactory *factory, GtkListItem *row, ViewerShelf *shelf)
{
	(void)factory;
	CatalogEntry *image = gtk_list_item_get_item(row);
	GtkWidget *picture = gtk_widget_get_first_child(gtk_list_item_get_child(row));
	g_signal_handlers_disconnect_by_func(image, shelf_show_thumbnail, picture);
	g_signal_handlers_disconnect_by_func(image, shelf_want_thumbnail, shelf);
}

static void shelf_on_activate(GtkListView *list, guint position, ViewerShelf *shelf)
{
	(void)list;
	g_autoptr(CatalogEntry) image =
		g_list_model_get_item(G_LIST_MODEL(shelf->images), position);
	shelf->chosen(shelf->data, image);
}

/* ---- The list ---- */

static void shelf_show_note(ViewerShelf *shelf)
{
	gboolean is_empty = g_list_model_get_n_items(G_LIST_MODEL(shelf->images)) == 0;
	g_autofree char *text = NULL;
	if (shelf->away)
		text = g_strdup_printf("Waiting for the daemon: %s%s", shelf->away,
			is_empty ? "" : "\nThis is what there was.");
	else
		text = g_strdup(is_empty ? "There are none yet." : "");
	gtk_label_set_text(shelf->note, text);
	gtk_widget_set_visible(GTK_WIDGET(shelf->note), *text != '\0');
}

/* The place of an image, or -1. */
static int shelf_place_of(ViewerShelf *shelf, const char *name, gint64 owner)
{
	guint count = g_list_model_get_n_items(G_LIST_MODEL(shelf->images));
	for (guint i = 0; i < count; i++) {
		g_autoptr(CatalogEntry) image =
			g_list_model_get_item(G_LIST_MODEL(shelf->images), i);
		if (catalog_entry_is(image, name, owner))
			return (int)i;
	}
	return -1;
}

CatalogEntry *viewer_shelf_find(ViewerShelf *shelf, const char *name, gint64 owner)
{
	int place = shelf_place_of(shelf, name, owner);
	if (place < 0)
		return NULL;
	g_autoptr(CatalogEntry) image =
		g_list_model_get_item(G_LIST_MODEL(shelf->images), (guint)place);
	return image;
}

/* The images that there are, to be found by name and owner. */
static GHashTable *shelf_known_images(ViewerShelf *shelf)
{
	guint count = g_list_model_get_n_items(G_LIST_MODEL(shelf->images));
	GHashTable *known = g_hash_table_new_full(
		catalog_entry_hash, catalog_entry_equal, g_object_unref, NULL);
	for (guint i = 0; i < count; i++)
		g_hash_table_add(known, g_list_model_get_item(G_LIST_MODEL(shelf->images), i));
	return known;
}

void viewer_shelf_set(ViewerShelf *shelf, GListModel *images)
{
	guint count = g_list_model_get_n_items(images);
	g_autoptr(GHashTable) before = shelf_known_images(shelf);
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
	g_list_store_splice(shelf->images, 0, g_list_model_get_n_items(G_LIST_MODEL(shelf->images)),
		all->pdata, all->len);
	viewer_shelf_say_away(shelf, NULL);
}

void viewer_shelf_put(ViewerShelf *shelf, CatalogEntry *image)
{
	CatalogEntry *known =
		viewer_shelf_find(shelf, catalog_entry_name(image), catalog_entry_owner(image));
	if (known)
		catalog_entry_set_generation(known, catalog_entry_generation(image));
	else
		g_list_store_insert(shelf->images, 0, image);
	shelf_show_note(shelf);
}

void viewer_shelf_remove(ViewerShelf *shelf, const CatalogEntry *image)
{
	int place = shelf_place_of(shelf, catalog_entry_name(image), catalog_entry_owner(image));
	if (place >= 0)
		g_list_store_remove(shelf->images, (guint)place);
	shelf_show_note(shelf);
}

void viewer_shelf_say_away(ViewerShelf *shelf, const char *why)
{
	g_free(shelf->away);
	shelf->away = g_strdup(why);
	shelf_show_note(shelf);
}

void viewer_shelf_mark(ViewerShelf *shelf, const CatalogEntry *image)
{
	int place = shelf_place_of(shelf, catalog_entry_name(image), catalog_entry_owner(image));
	gtk_single_selection_set_selected(
		shelf->selection, place < 0 ? GTK_INVALID_LIST_POSITION : (guint)place);
}

/* ---- The widget itself ---- */

static GtkWidget *shelf_make_list(ViewerShelf *shelf, GtkLabel *title)
{
	GtkListItemFactory *factory = gtk_signal_list_item_factory_new();
	g_signal_connect(factory, "setup", G_CALLBACK(shelf_set_up_row), NULL);
	g_signal_connect(factory, "bind", G_CALLBACK(shelf_bind_row), shelf);
	g_signal_connect(factory, "unbind", G_CALLBACK(shelf_unbind_row), shelf);
	GtkWidget *list =
		gtk_list_view_new(GTK_SELECTION_MODEL(g_object_ref(shelf->selection)), factory);
	gtk_list_view_set_single_click_activate(GTK_LIST_VIEW(list), TRUE);
	gtk_widget_add_css_class(list, "navigation-sidebar");
	gtk_label_set_mnemonic_widget(title, list);
	gtk_accessible_update_relation(
		GTK_ACCESSIBLE(list), GTK_ACCESSIBLE_RELATION_LABELLED_BY, title, NULL, -1);
	g_signal_connect(list, "activate", G_CALLBACK(shelf_on_activate), shelf);
	return list;
}

static void shelf_dispose(GObject *object)
{
	ViewerShelf *shelf = VIEWER_SHELF(object);
	/* Rows unbind while the shelf is still there. */
	if (shelf->images)
		g_list_store_remove_all(shelf->images);
	g_clear_object(&shelf->selection);
	g_clear_object(&shelf->images);
	g_clear_pointer(&shelf->away, g_free);
	G_OBJECT_CLASS(viewer_shelf_parent_class)->dispose(object);
}

static void viewer_shelf_class_init(ViewerShelfClass *class)
{
	G_OBJECT_CLASS(class)->dispose = shelf_dispose;
}

static void viewer_shelf_init(ViewerShelf *shelf)
{
	shelf->images = g_list_store_new(CATALOG_TYPE_ENTRY);
	shelf->selection = gtk_single_selection_new(G_LIST_MODEL(g_object_ref(shelf->images)));
	gtk_single_selection_set_autoselect(shelf->selection, FALSE);
	gtk_single_selection_set_can_unselect(shelf->selection, TRUE);
	gtk_orientable_set_orientation(GTK_ORIENTABLE(shelf), GTK_ORIENTATION_VERTICAL);
	gtk_box_set_spacing(GTK_BOX(shelf), SPACE);
	shelf->note = GTK_LABEL(gtk_label_new(NULL));
	gtk_label_set_wrap(shelf->note, TRUE);
	gtk_label_set_wrap_mode(shelf->note, PANGO_WRAP_WORD_CHAR);
	gtk_label_set_xalign(shelf->note, 0);
	gtk_label_set_width_chars(shelf->note, 20);
	gtk_label_set_max_width_chars(shelf->note, 28);
	gtk_widget_set_visible(GTK_WIDGET(shelf->note), FALSE);
	GtkWidget *title = gtk_label_new_with_mnemonic("_Images in shared memory");
	gtk_label_set_xalign(GTK_LABEL(title), 0);
	gtk_widget_add_css_class(title, "heading");
	gtk_box_append(GTK_BOX(shelf), title);
	gtk_box_append(GTK_BOX(shelf), GTK_WIDGET(shelf->note));
	GtkWidget *scrolled = gtk_scrolled_window_new();
	gtk_scrolled_window_set_policy(
		GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
	gtk_scrolled_window_set_child(
		GTK_SCROLLED_WINDOW(scrolled), shelf_make_list(shelf, GTK_LABEL(title)));
	gtk_widget_set_vexpand(scrolled, TRUE);
	gtk_widget_set_size_request(scrolled, WIDTH, -1);
	gtk_box_append(GTK_BOX(shelf), scrolled);
}

GtkWidget *viewer_shelf_new(shelf_thumbnail want, shelf_chosen chosen, gpointer data)
{
	ViewerShelf *shelf = g_object_new(VIEWER_TYPE_SHELF, NULL);
	shelf->want = want;
	shelf->chosen = chosen;
	shelf->data = data;
	return GTK_WIDGET(shelf);
}
