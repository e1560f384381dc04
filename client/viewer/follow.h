/*
 * How a window follows what other programs do: its list of images, new generations of the
 * one that it shows, and a daemon that goes and comes.
 */
#pragma once

#include "client/viewer/window-state.h"

/* Makes the window's list of images. */
ViewerShelf *follow_make_shelf(ViewerWindow *window);

/* Begins, with the window's socket. */
void follow_start(ViewerWindow *window);

/* Something else is shown from now on. */
void follow_shown(ViewerWindow *window);
