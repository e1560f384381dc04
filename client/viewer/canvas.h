/*
 * The widget that shows an image, fitted into the widget or at a zoom that the user chose.
 * Pixels larger than the screen's have sharp edges, and a chequerboard shows through where the
 * image is transparent. The user zooms with the wheel and moves the image with the pointer.
 */
#pragma once

#include <gtk/gtk.h>

#include "client/viewer/picture.h"

#define VIEWER_TYPE_CANVAS (viewer_canvas_get_type())
G_DECLARE_FINAL_TYPE(ViewerCanvas, viewer_canvas, VIEWER, CANVAS, GtkWidget)

GtkWidget *viewer_canvas_new(void);

/*
 * Shows a picture; name is its name for screen readers. A picture of the same size as the one
 * before keeps the zoom and the position.
 */
void viewer_canvas_show(ViewerCanvas *canvas, struct picture *picture, const char *name);

/* Fits the image into the widget, also when the widget changes its size. */
void viewer_canvas_fit(ViewerCanvas *canvas);

/* Sets the zoom: pixels of the screen for each pixel of the image. */
void viewer_canvas_set_zoom(ViewerCanvas *canvas, double zoom);

/* Multiplies the zoom by a factor, about the middle of the widget. */
void viewer_canvas_zoom_by(ViewerCanvas *canvas, double factor);

/* The zoom; 0 when no image is shown. The widget emits "zoomed" when it changes. */
double viewer_canvas_zoom(ViewerCanvas *canvas);

/* Moves the visible part of the image by fractions of the widget's size. */
void viewer_canvas_pan(ViewerCanvas *canvas, double across, double down);
