/*
 * The updates of a window: it keeps its list of images, shows new generations of its image, and
 * survives a daemon that ends and comes back. Nothing of this is asked for by the user.
 */
#pragma once

#include "client/viewer/window-state.h"

/* Makes the window's sidebar. */
ViewerSidebar *updates_make_sidebar(ViewerWindow *window);

/* Starts the observer, with the window's socket. */
void updates_start(ViewerWindow *window);
