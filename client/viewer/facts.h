/*
 * The panel of facts about the image that is shown: its segment, the processes that pin it, the
 * process that holds its lock.
 */
#pragma once

#include <gtk/gtk.h>

struct facts;

/* Makes the panel, *widget, which owns the facts. */
struct facts *facts_new(GtkWidget **widget);

/* Shows facts: keys of STAT and their values in turn; NULL: clears the panel. */
void facts_show(struct facts *facts, const char *const *pairs);

/* Shows the zoom: pixels of the screen for each pixel of the image; 0: none. */
void facts_show_zoom(struct facts *facts, double zoom);
