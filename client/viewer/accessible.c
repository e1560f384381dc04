/*
 * The names of widgets for screen readers.
 */
#include "client/viewer/accessible.h"

void accessible_name_row(GtkWidget *child, const char *name)
{
	gtk_accessible_update_property(GTK_ACCESSIBLE(gtk_widget_get_parent(child)),
		GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

void accessible_name_button(GtkWidget *button)
{
	gtk_accessible_reset_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL);
}
