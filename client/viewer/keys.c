/*
 * The window's keys. One table makes the bindings and the help.
 */
#include "client/viewer/keys.h"

#include "client/viewer/layout.h"

/* Accelerators for gtk_accelerator_parse(), separated by spaces. The help lists some of them. */
static const struct {
	const char *title;
	const char *listed;
	const char *bound; /* NULL: a mnemonic, or a key that a widget handles */
	const char *action;
} keys[] = {
	{"Load Image from File...", "<Control>o <Alt>l", "<Control>o", LAYOUT_LOAD},
	{"Display Image from Shared Memory", "<Alt>d", NULL, NULL},
	{"List of images", "<Alt>i", NULL, NULL},
	{"Try Again", "<Alt>t", NULL, NULL},
	{"Larger", "plus", "plus equal KP_Add <Control>plus <Control>equal <Control>KP_Add",
		LAYOUT_ZOOM_IN},
	{"Smaller", "minus", "minus KP_Subtract <Control>minus <Control>KP_Subtract",
		LAYOUT_ZOOM_OUT},
	{"Actual size", "1", "1 KP_1 <Control>1 <Control>KP_1", LAYOUT_ACTUAL},
	{"Fit into the window", "0", "0 KP_0 <Control>0 <Control>KP_0", LAYOUT_FIT},
	{"Move the visible part of the image", "Left Right Up Down", NULL, NULL},
	{"Hide or show the sidebar", "F9", "F9", LAYOUT_SIDEBAR},
	{"These keys", "F1", "F1", "win.show-help-overlay"},
	{"Close the window", "<Control>w", "<Control>w", "window.close"},
};

void keys_bind(GtkWidgetClass *class)
{
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_auto(GStrv) words = g_strsplit(keys[i].bound ? keys[i].bound : "", " ", -1);
		for (char **word = words; *word; word++) {
			GdkModifierType modifiers;
			guint key;
			if (gtk_accelerator_parse(*word, &key, &modifiers))
				gtk_widget_class_add_binding_action(
					class, key, modifiers, keys[i].action, NULL);
		}
	}
}

/* GTK 4.8 makes the widgets of such a help from XML only. */
GtkShortcutsWindow *keys_help(void)
{
	g_autoptr(GString) text = g_string_new(
		"<interface><object class='GtkShortcutsWindow' id='help'>"
		"<property name='modal'>1</property><property name='title'>Keys</property>"
		"<child><object class='GtkShortcutsSection'>"
		"<property name='section-name'>keys</property>"
		"<child><object class='GtkShortcutsGroup'><property name='title'>Keys</property>");
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autofree char *row = g_markup_printf_escaped(
			"<child><object class='GtkShortcutsShortcut'>"
			"<property name='title'>%s</property>"
			"<property name='accelerator'>%s</property></object></child>",
			keys[i].title, keys[i].listed);
		g_string_append(text, row);
	}
	g_string_append(text, "</object></child></object></child></object></interface>");
	g_autoptr(GtkBuilder) builder = gtk_builder_new_from_string(text->str, -1);
	return g_object_ref(GTK_SHORTCUTS_WINDOW(gtk_builder_get_object(builder, "help")));
}
