/*
 * The panel of facts: a row for each key. A row without a value is hidden.
 */
#include "client/viewer/facts.h"

#include <string.h>

enum { SPACE = 12, ROW_SPACE = 3, LINES_MAX = 3 };

/* Keys of STAT, in the order of the panel, and their labels. */
static const struct {
	const char *key;
	const char *label;
} shown[] = {
	{"segment", "Segment"},
	{"size", "Size"},
	{"format", "Format"},
	{"stride", "Stride"},
	{"generation", "Generation"},
	{"renditions", "Renditions"},
	{"type", "File"},
	{"keep", "Kept"},
	{"share", "Shared"},
	{"pins", "Pins"},
	{"holders", "Pinned by"},
	{"lock", "Lock"},
	{"waiters", "Waiting"},
};

struct row {
	GtkWidget *title;
	GtkLabel *value;
};

struct facts {
	struct row zoom;
	struct row rows[G_N_ELEMENTS(shown)];
};

/* Hides a row without a value. */
static void facts_set_row(const struct row *row, const char *text)
{
	/* Setting the same text again would lose the user's selection. */
	if (!g_str_equal(gtk_label_get_text(row->value), text))
		gtk_label_set_text(row->value, text);
	gtk_widget_set_tooltip_text(GTK_WIDGET(row->value), *text ? text : NULL);
	gtk_widget_set_visible(row->title, *text != '\0');
	gtk_widget_set_visible(GTK_WIDGET(row->value), *text != '\0');
}

static struct row facts_add_row(GtkGrid *grid, int row, const char *text, PangoWrapMode wrap)
{
	GtkWidget *title = gtk_label_new(text);
	GtkWidget *value = gtk_label_new(NULL);
	/* A hyphen at the end of a line would look like a part of a segment's name. */
	g_autoptr(PangoAttrList) attributes = pango_attr_list_new();
	pango_attr_list_insert(attributes, pango_attr_insert_hyphens_new(FALSE));
	gtk_label_set_xalign(GTK_LABEL(title), 0);
	gtk_label_set_xalign(GTK_LABEL(value), 0);
	gtk_label_set_yalign(GTK_LABEL(title), 0);
	gtk_label_set_wrap(GTK_LABEL(value), TRUE);
	gtk_label_set_wrap_mode(GTK_LABEL(value), wrap);
	gtk_label_set_lines(GTK_LABEL(value), LINES_MAX);
	gtk_label_set_ellipsize(GTK_LABEL(value), PANGO_ELLIPSIZE_END);
	gtk_label_set_selectable(GTK_LABEL(value), TRUE);
	gtk_label_set_attributes(GTK_LABEL(value), attributes);
	gtk_label_set_max_width_chars(GTK_LABEL(value), 16);
	/* Tab reaches the segment only: users need its name in other programs. */
	gtk_widget_set_can_focus(value, wrap == PANGO_WRAP_CHAR);
	gtk_widget_set_hexpand(value, TRUE);
	gtk_widget_set_opacity(title, 0.8);
	gtk_grid_attach(grid, title, 0, row, 1, 1);
	gtk_grid_attach(grid, value, 1, row, 1, 1);
	gtk_accessible_update_relation(
		GTK_ACCESSIBLE(value), GTK_ACCESSIBLE_RELATION_LABELLED_BY, title, NULL, -1);
	struct row made = {.title = title, .value = GTK_LABEL(value)};
	facts_set_row(&made, "");
	return made;
}

struct facts *facts_new(GtkWidget **widget)
{
	struct facts *facts = g_new0(struct facts, 1);
	GtkWidget *grid = gtk_grid_new();
	gtk_grid_set_column_spacing(GTK_GRID(grid), SPACE);
	gtk_grid_set_row_spacing(GTK_GRID(grid), ROW_SPACE);
	gtk_accessible_update_property(GTK_ACCESSIBLE(grid), GTK_ACCESSIBLE_PROPERTY_LABEL,
		"About the image that is shown", -1);
	facts->zoom = facts_add_row(GTK_GRID(grid), 0, "Zoom", PANGO_WRAP_WORD_CHAR);
	/* A segment's name is one long word: wrapped by words, it would not fit into its line. */
	for (gsize i = 0; i < G_N_ELEMENTS(shown); i++)
		facts->rows[i] = facts_add_row(GTK_GRID(grid), (int)i + 1, shown[i].label,
			g_str_equal(shown[i].key, "segment") ? PANGO_WRAP_CHAR
							     : PANGO_WRAP_WORD_CHAR);
	g_object_set_data_full(G_OBJECT(grid), "facts", facts, g_free);
	*widget = grid;
	return facts;
}

/* "1234 (vlc), 99": with the programs' names that the kernel has. */
static char *facts_name_processes(const char *numbers)
{
	g_auto(GStrv) pids = g_strsplit(numbers, ",", -1);
	for (char **pid = pids; *pid; pid++) {
		g_autofree char *path = g_build_filename("/proc", *pid, "comm", NULL);
		g_autofree char *comm = NULL;
		if (!**pid || strspn(*pid, "0123456789") != strlen(*pid) ||
			!g_file_get_contents(path, &comm, NULL, NULL))
			continue;
		g_autofree char *name = g_utf8_make_valid(g_strstrip(comm), -1);
		char *both = g_strdup_printf("%s\u00a0(%s)", *pid, name);
		g_free(*pid);
		*pid = both;
	}
	return g_strjoinv(", ", pids);
}

static char *facts_format(const char *key, const char *value)
{
	if (g_str_equal(key, "holders") || g_str_equal(key, "lock"))
		return facts_name_processes(value);
	if (g_str_equal(key, "size"))
		return g_format_size_full(g_ascii_strtoull(value, NULL, 10),
			G_FORMAT_SIZE_IEC_UNITS | G_FORMAT_SIZE_LONG_FORMAT);
	if (g_str_equal(key, "stride"))
		return g_strdup_printf("%s bytes", value);
	return g_utf8_make_valid(value, -1);
}

void facts_show(struct facts *facts, const char *const *pairs)
{
	for (gsize i = 0; i < G_N_ELEMENTS(shown); i++) {
		const char *const *pair = pairs;
		while (pair && *pair && !g_str_equal(*pair, shown[i].key))
			pair += 2;
		g_autofree char *text =
			pair && *pair ? facts_format(pair[0], pair[1]) : g_strdup("");
		facts_set_row(&facts->rows[i], text);
	}
}

void facts_show_zoom(struct facts *facts, double zoom)
{
	g_autofree char *text = zoom > 0 ? g_strdup_printf("%.4g %%", zoom * 100) : g_strdup("");
	facts_set_row(&facts->zoom, text);
}
