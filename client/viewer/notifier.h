/*
 * The notifier: carries what an observer learns from its thread to handlers in the main thread.
 * It keeps each notice until it is delivered, and delivers nothing after notifier_stop().
 */
#pragma once

#include "client/viewer/entry.h"

struct notifier;

/* Called in the main thread, in the order in which things happened. */
struct notifier_handlers {
	/* A daemon runs, and these are its images (a list of CatalogEntry). This is the first
	 * call; it comes again after a daemon was away, and after events were lost. */
	void (*list)(gpointer data, GListModel *images);
	/* An image was loaded, or has changed. */
	void (*put)(gpointer data, CatalogEntry *image);
	/* An image is gone; how is "dropped" or "evicted". */
	void (*gone)(gpointer data, CatalogEntry *image, const char *how);
	/* No daemon runs, and why. The observer keeps looking for one. */
	void (*away)(gpointer data, const char *why);
	/* The facts of the inspected image: keys and values of STAT in turn. NULL: it is gone. */
	void (*facts)(gpointer data, const char *const *facts);
	/* The thumbnail that was requested. */
	void (*thumbnail)(gpointer data, CatalogEntry *image, GdkTexture *picture);
};

/* Drop the reference with notifier_unref(); that may be in the thread. */
struct notifier *notifier_new(const struct notifier_handlers *handlers, gpointer data);
void notifier_unref(struct notifier *notifier);

/* In the main thread: no handler is called from now on. */
void notifier_stop(struct notifier *notifier);

/* In the thread. Each calls the handler of the same name; arguments stay the caller's. */
void notifier_send_list(struct notifier *notifier, GListModel *images);
void notifier_send_put(struct notifier *notifier, CatalogEntry *image);
void notifier_send_gone(struct notifier *notifier, CatalogEntry *image, const char *how);
void notifier_send_away(struct notifier *notifier, const char *why);
void notifier_send_thumbnail(struct notifier *notifier, CatalogEntry *image, GdkTexture *picture);

/* Takes the facts over, which may be NULL. */
void notifier_send_facts(struct notifier *notifier, char **facts);
