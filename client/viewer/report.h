/*
 * The way of an observer's news from its thread to the main thread. Holds what is told until
 * it is told, and tells nothing more once it was stopped.
 */
#pragma once

#include "client/viewer/observer.h"

struct reporter;

/* For reporter_unref(), by the thread. */
struct reporter *reporter_new(const struct observer_handlers *handlers, gpointer data);
void reporter_unref(struct reporter *reporter);

/* In the main thread: no handler is called any more. */
void reporter_stop(struct reporter *reporter);

/* Each as the handler of the same name; what they are given stays the caller's. */
void report_list(struct reporter *reporter, GListModel *images);
void report_put(struct reporter *reporter, CatalogEntry *image);
void report_gone(struct reporter *reporter, CatalogEntry *image, const char *how);
void report_away(struct reporter *reporter, const char *why);
void report_thumbnail(struct reporter *reporter, CatalogEntry *image, GdkTexture *picture);

/* Takes the facts over; NULL when there are none. */
void report_facts(struct reporter *reporter, char **facts);
