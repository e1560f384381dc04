/*
 * The dialog in which the user chooses an image. The search entry filters the list.
 */
#include "client/viewer/chooser.h"

#include "client/viewer/accessible.h"

#define SPACE 12

struct chooser {
	GtkWindow *window;
	GtkSingleSelection *selection;
	chooser_chosen chosen;
};

static void chooser_free(gpointer chooser)
{
	g_free(chooser);
}

static void chooser_choose(struct chooser *chooser)
{
	CatalogEntry *entry = gtk_single_selection_get_selected_item(chooser->selection);
	if (!entry)
		return;
	/* Closing the window frees the chooser and the list. */
	g_autoptr(CatalogEntry) kept = g_object_ref(entry);
	GtkWindow *parent = gtk_window_get_transient_for(chooser->window);
	chooser_chosen chosen = chooser->chosen;
	gtk_window_destroy(chooser->window);
	chosen(parent, kept);
}

static void chooser_on_activate(GtkListView *list, guint position, struct chooser *chooser)
{
	(void)list;
	gtk_single_selection_set_selected(chooser->selection, position);
	chooser_choose(chooser);
}

static void chooser_set_up_row(GtkSignalListItemFactory *factory, GtkListItem *row)
{
	(void)factory;
	GtkWidget *label = gtk_label_new(NULL);
	gtk_label_set_xalign(GTK_LABEL(label), 0);
	gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_START);
	gtk_widget_set_margin_top(label, SPACE / 3);
	gtk_widget_set_margin_bottom(label, SPACE / 3);
	gtk_list_item_set_child(row, label);
}

static void chooser_bind_row(GtkSignalListItemFactory *factory, GtkListItem *row)
{
	(void)factory;
	const char *text = catalog_entry_label(CATALOG_ENTRY(gtk_list_item_get_item(row)));
	GtkWidget *label = gtk_list_item_get_child(row);
	gtk_label_set_text(GTK_LABEL(label), text);
	gtk_widget_set_tooltip_text(label, text);
	accessible_name_row(label, text);
}

/* The images whose labels contain the text of the search entry. */
static GListModel *chooser_filtered(GListModel *catalog, GtkWidget *search)
{
	GtkExpression *label = gtk_property_expression_new(CATALOG_TYPE_ENTRY, NULL, "label");
	GtkStringFilter *filter = gtk_string_filter_new(label);
	g_object_bind_property(search, "text", filter, "search", G_BINDING_SYNC_CREATE);
	return G_LIST_MODEL(gtk_filter_list_model_new(g_object_ref(catalog), GTK_FILTER(filter)));
}

static GtkWidget *chooser_make_list(struct chooser *chooser)
{
	GtkListItemFactory *factory = gtk_signal_list_item_factory_new();
	g_signal_connect(factory, "setup", G_CALLBACK(chooser_set_up_row), NULL);
	g_signal_connect(factory, "bind", G_CALLBACK(chooser_bind_row), NULL);
	GtkWidget *list =
		gtk_list_view_new(GTK_SELECTION_MODEL(g_object_ref(chooser->selection)), factory);
	gtk_accessible_update_property(
		GTK_ACCESSIBLE(list), GTK_ACCESSIBLE_PROPERTY_LABEL, "Images in shared memory", -1);
	g_signal_connect(list, "activate", G_CALLBACK(chooser_on_activate), chooser);
	GtkWidget *scrolled = gtk_scrolled_window_new();
	gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scrolled), list);
	gtk_scrolled_window_set_has_frame(GTK_SCROLLED_WINDOW(scrolled), TRUE);
	gtk_widget_set_vexpand(scrolled, TRUE);
	return scrolled;
}

static GtkWidget *chooser_make_buttons(struct chooser *chooser)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, SPACE);
	GtkWidget *cancel = gtk_button_new_with_mnemonic("_Cancel");
	GtkWidget *show = gtk_button_new_with_mnemonic("_Show");
	g_signal_connect_swapped(
		cancel, "clicked", G_CALLBACK(gtk_window_destroy), chooser->window);
	g_signal_connect_swapped(show, "clicked", G_CALLBACK(chooser_choose), chooser);
	accessible_name_button(cancel);
	accessible_name_button(show);
	gtk_widget_add_css_class(show, "suggested-action");
	gtk_widget_set_halign(box, GTK_ALIGN_END);
	gtk_box_append(GTK_BOX(box), cancel);
	gtk_box_append(GTK_BOX(box), show);
	gtk_window_set_default_widget(chooser->window, show);
	return box;
}

/* Escape closes the dialog, as people expect of one. */
static void chooser_close_by_escape(GtkWidget *window)
{
	GtkEventController *keys = gtk_shortcut_controller_new();
	gtk_shortcut_controller_add_shortcut(GTK_SHORTCUT_CONTROLLER(keys),
		gtk_shortcut_new(gtk_keyval_trigger_new(GDK_KEY_Escape, 0),
			gtk_named_action_new("window.close")));
	gtk_widget_add_controller(window, keys);
}

static GtkWidget *chooser_make_search(void)
{
	GtkWidget *search = gtk_search_entry_new();
	gtk_accessible_update_property(
		GTK_ACCESSIBLE(search), GTK_ACCESSIBLE_PROPERTY_LABEL, "Search in names", -1);
	return search;
}

static void chooser_fill(struct chooser *chooser, GListModel *catalog)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, SPACE);
	GtkWidget *search = chooser_make_search();
	chooser->selection = gtk_single_selection_new(chooser_filtered(catalog, search));
	g_object_set_data_full(
		G_OBJECT(chooser->window), "selection", chooser->selection, g_object_unref);
	g_signal_connect_swapped(search, "activate", G_CALLBACK(chooser_choose), chooser);
	g_signal_connect_swapped(
		search, "stop-search", G_CALLBACK(gtk_window_close), chooser->window);
	gtk_box_append(GTK_BOX(box), search);
	gtk_box_append(GTK_BOX(box), chooser_make_list(chooser));
	gtk_box_append(GTK_BOX(box), chooser_make_buttons(chooser));
	gtk_widget_set_margin_top(box, SPACE);
	gtk_widget_set_margin_bottom(box, SPACE);
	gtk_widget_set_margin_start(box, SPACE);
	gtk_widget_set_margin_end(box, SPACE);
	gtk_window_set_child(chooser->window, box);
	gtk_widget_grab_focus(search);
}

void chooser_show(GtkWindow *parent, GListModel *catalog, chooser_chosen chosen)
{
	struct chooser *chooser = g_new0(struct chooser, 1);
	chooser->chosen = chosen;
	chooser->window = GTK_WINDOW(gtk_window_new());
	g_object_set_data_full(G_OBJECT(chooser->window), "chooser", chooser, chooser_free);
	gtk_window_set_title(chooser->window, "Images in Shared Memory");
	gtk_window_set_transient_for(chooser->window, parent);
	gtk_window_set_modal(chooser->window, TRUE);
	gtk_window_set_destroy_with_parent(chooser->window, TRUE);
	gtk_window_set_default_size(chooser->window, 480, 360);
	chooser_fill(chooser, catalog);
	chooser_close_by_escape(GTK_WIDGET(chooser->window));
	gtk_window_present(chooser->window);
}
