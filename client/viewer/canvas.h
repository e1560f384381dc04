/*
 * The widget that shows an image: fitted into it, or at a zoom of one's own, with sharp
 * pixels where these are larger than the screen's and a chequerboard where one can see
 * through. Wheel and pointer move it. Knows nothing of the daemon.
 */
#pragma once

#include <gtk/gtk.h>

#include "client/viewer/picture.h"

#define VIEWER_TYPE_CANVAS (viewer_canvas_get_type())
G_DECLARE_FINAL_TYPE(ViewerCanvas, viewer_canvas, VIEWER, CANVAS, GtkWidget)

GtkWidget *viewer_canvas_new(void);

/*
 * Shows a picture. name is what a screen reader says. One of the same size as that before
 * keeps zoom and place.
 */
void viewer_canvas_show(ViewerCanvas *canvas, struct picture *picture, const char *name);

/* Fits the image into the widget, whatever its size will be. */
void viewer_canvas_fit(ViewerCanvas *canvas);

/* Shows the image at a zoom: pixels of the screen for one of the image's. */
void viewer_canvas_set_zoom(ViewerCanvas *canvas, double zoom);

/* Makes the zoom that is there larger by a factor, about the middle of the widget. */
void viewer_canvas_zoom_by(ViewerCanvas *canvas, double factor);

/* The zoom that is shown; 0 when nothing is. The signal "zoomed" tells of changes. */
double viewer_canvas_zoom(ViewerCanvas *canvas);

/* Moves what is seen by parts of the widget's size. */
void viewer_canvas_pan(ViewerCanvas *canvas, double across, double down);
