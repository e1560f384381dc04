/*
 * The layout of a window.
 */
#include "client/viewer/layout.h"

#include "client/viewer/accessible.h"

enum { SPACE = 12, SIDE_WIDTH = 276, WIDTH = 900, HEIGHT = 600 };

static void layout_describe(GtkWidget *widget, const char *text)
{
	gtk_accessible_update_property(
		GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text, -1);
	gtk_widget_set_tooltip_text(widget, text);
}

static GtkWidget *layout_make_button(const char *label, const char *action, const char *description)
{
	GtkWidget *button = gtk_button_new_with_mnemonic(label);
	accessible_name_button(button);
	gtk_actionable_set_action_name(GTK_ACTIONABLE(button), action);
	layout_describe(button, description);
	return button;
}

static GtkWidget *layout_make_stack(struct layout *layout)
{
	GtkWidget *stack = gtk_stack_new();
	GtkWidget *hint = gtk_label_new("Load an image, here or in another program,\n"
					"and display it from shared memory");
	GtkWidget *canvas = viewer_canvas_new();
	gtk_label_set_justify(GTK_LABEL(hint), GTK_JUSTIFY_CENTER);
	gtk_stack_add_named(GTK_STACK(stack), hint, "hint");
	gtk_stack_add_named(GTK_STACK(stack), canvas, "picture");
	gtk_widget_set_vexpand(stack, TRUE);
	layout->stack = GTK_STACK(stack);
	layout->canvas = VIEWER_CANVAS(canvas);
	return stack;
}

/* Hidden until an image is shown; until then messages use their space. */
static GtkWidget *layout_make_zoom_buttons(void)
{
	static const struct {
		const char *label, *action, *description;
	} buttons[] = {{"−", LAYOUT_ZOOM_OUT, "Zoom out"}, {"1:1", LAYOUT_ACTUAL, "Actual size"},
		{"Fit", LAYOUT_FIT, "Fit into the window"}, {"+", LAYOUT_ZOOM_IN, "Zoom in"}};
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);
	gtk_widget_add_css_class(box, "linked");
	gtk_widget_set_valign(box, GTK_ALIGN_CENTER);
	gtk_widget_set_visible(box, FALSE);
	for (gsize i = 0; i < G_N_ELEMENTS(buttons); i++) {
		GtkWidget *button = layout_make_button(
			buttons[i].label, buttons[i].action, buttons[i].description);
		gtk_accessible_update_property(GTK_ACCESSIBLE(button),
			GTK_ACCESSIBLE_PROPERTY_LABEL, buttons[i].description, -1);
		gtk_box_append(GTK_BOX(box), button);
	}
	return box;
}

/* A line of text with a spinner before it and "Try Again" after it. */
static GtkWidget *layout_make_message(struct layout *layout)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, SPACE);
	GtkWidget *spinner = gtk_spinner_new();
	GtkWidget *message = gtk_label_new(NULL);
	layout->retry = layout_make_button("_Try Again", LAYOUT_RETRY, "Repeat what has failed");
	gtk_widget_set_visible(layout->retry, FALSE);
	gtk_widget_set_visible(spinner, FALSE);
	gtk_widget_set_valign(layout->retry, GTK_ALIGN_CENTER);
	gtk_label_set_wrap(GTK_LABEL(message), TRUE);
	gtk_label_set_wrap_mode(GTK_LABEL(message), PANGO_WRAP_WORD_CHAR);
	gtk_label_set_selectable(GTK_LABEL(message), TRUE);
	gtk_label_set_xalign(GTK_LABEL(message), 0);
	gtk_widget_set_hexpand(message, TRUE);
	gtk_widget_set_can_focus(message, FALSE);
	gtk_box_append(GTK_BOX(box), spinner);
	gtk_box_append(GTK_BOX(box), message);
	gtk_box_append(GTK_BOX(box), layout->retry);
	layout->zoom = layout_make_zoom_buttons();
	gtk_box_append(GTK_BOX(box), layout->zoom);
	layout->spinner = GTK_SPINNER(spinner);
	layout->message = GTK_LABEL(message);
	return box;
}

static GtkWidget *layout_make_buttons(void)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, SPACE);
	gtk_box_set_homogeneous(GTK_BOX(box), TRUE);
	gtk_box_append(
		GTK_BOX(box), layout_make_button("_Load Image from File...", LAYOUT_LOAD,
				      "Decode a file into shared memory and show the image"));
	gtk_box_append(GTK_BOX(box),
		layout_make_button("_Display Image from Shared Memory", LAYOUT_DISPLAY,
			"Show an image that this or another program has loaded"));
	return box;
}

static void layout_on_zoomed(ViewerCanvas *canvas, struct layout *layout)
{
	facts_show_zoom(layout->facts, viewer_canvas_zoom(canvas));
}

/* The sidebar above, the facts below. */
static GtkWidget *layout_make_side(struct layout *layout, GtkWidget *sidebar)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, SPACE);
	GtkWidget *facts;
	layout->facts = facts_new(&facts);
	gtk_box_append(GTK_BOX(box), sidebar);
	gtk_box_append(GTK_BOX(box), facts);
	gtk_widget_set_size_request(box, SIDE_WIDTH, -1);
	g_signal_connect(layout->canvas, "zoomed", G_CALLBACK(layout_on_zoomed), layout);
	layout->side = box;
	return box;
}

static GtkWidget *layout_make_main(struct layout *layout)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, SPACE);
	gtk_box_append(GTK_BOX(box), layout_make_stack(layout));
	gtk_box_append(GTK_BOX(box), layout_make_message(layout));
	gtk_box_append(GTK_BOX(box), layout_make_buttons());
	return box;
}

void layout_build(struct layout *layout, GtkWindow *window, GtkWidget *sidebar)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, SPACE);
	GtkWidget *content = layout_make_main(layout);
	gtk_box_append(GTK_BOX(box), layout_make_side(layout, sidebar));
	gtk_box_append(GTK_BOX(box), content);
	gtk_widget_set_margin_top(box, SPACE);
	gtk_widget_set_margin_bottom(box, SPACE);
	gtk_widget_set_margin_start(box, SPACE);
	gtk_widget_set_margin_end(box, SPACE);
	gtk_window_set_child(window, box);
	gtk_window_set_default_size(window, WIDTH, HEIGHT);
}

static void layout_show_text(struct layout *layout, const char *text, gboolean busy, gboolean wrong)
{
	gtk_label_set_text(layout->message, text);
	gtk_widget_set_can_focus(GTK_WIDGET(layout->message), *text != '\0');
	gtk_widget_set_visible(GTK_WIDGET(layout->spinner), busy);
	gtk_spinner_set_spinning(layout->spinner, busy);
	gtk_widget_set_visible(layout->retry, wrong);
	if (wrong)
		gtk_widget_add_css_class(GTK_WIDGET(layout->message), "error");
	else
		gtk_widget_remove_css_class(GTK_WIDGET(layout->message), "error");
}

void layout_show(
	struct layout *layout, struct picture *picture, const char *name, const char *about)
{
	viewer_canvas_show(layout->canvas, picture, name);
	gtk_stack_set_visible_child(layout->stack, GTK_WIDGET(layout->canvas));
	gtk_widget_set_visible(layout->zoom, TRUE);
	layout_show_text(layout, about, FALSE, FALSE);
}

void layout_show_message(struct layout *layout, const char *text)
{
	layout_show_text(layout, text, FALSE, FALSE);
}

void layout_show_busy(struct layout *layout, const char *text)
{
	layout_show_text(layout, text, TRUE, FALSE);
}

void layout_show_error(struct layout *layout, const char *text, gboolean again)
{
	layout_show_text(layout, text, FALSE, TRUE);
	gtk_widget_set_visible(layout->retry, again);
}

static void layout_add_filter(GtkFileChooser *chooser, const char *name, const char *const *types)
{
	g_autoptr(GtkFileFilter) filter = gtk_file_filter_new();
	gtk_file_filter_set_name(filter, name);
	for (; *types; types++)
		gtk_file_filter_add_mime_type(filter, *types);
	gtk_file_chooser_add_filter(chooser, filter);
}

GtkFileChooserNative *layout_file_dialog(GtkWindow *window)
{
	static const char *const images[] = {"image/jpeg", "image/png", "image/x-xpixmap", NULL};
	static const char *const all[] = {"application/octet-stream", NULL};
	GtkFileChooserNative *dialog = gtk_file_chooser_native_new(
		"Load Image from File", window, GTK_FILE_CHOOSER_ACTION_OPEN, "_Load", "_Cancel");
	layout_add_filter(GTK_FILE_CHOOSER(dialog), "Images (JPEG, PNG, XPM)", images);
	layout_add_filter(GTK_FILE_CHOOSER(dialog), "All files", all);
	gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(dialog), TRUE);
	return dialog;
}
