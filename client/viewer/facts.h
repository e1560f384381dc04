/*
 * The panel that says what the daemon knows of the image that is shown: its segment, who
 * pins it, who holds its lock. Shows what it is given, and asks nobody.
 */
#pragma once

#include <gtk/gtk.h>

struct facts;

/* Makes the panel, which *widget is. The facts last as long as it does. */
struct facts *facts_new(GtkWidget **widget);

/* Shows the values of keys of STAT, which come in turn with them; NULL: there are none. */
void facts_show(struct facts *facts, const char *const *pairs);

/* The pixels of the screen for one of the image's; 0 when none is shown. */
void facts_show_zoom(struct facts *facts, double zoom);
