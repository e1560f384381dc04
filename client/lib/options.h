/*
 * What a caller may say with a request: struct shmimg_options of this and of other
 * versions, made whole, checked, and put on the wire. Never keeps the caller's pointer.
 */
#pragma once

#include "client/lib/public.h"
#include "client/protocol/fit.h"
#include "client/protocol/wire.h"

/*
 * Reads options that may be NULL, or shorter or longer than those known here.
 * Returns 0, or -EINVAL for values that are none and for members unknown here that say
 * something.
 */
int options_read(const struct shmimg_options *given, struct shmimg_options *options);

/* The box to fit a picture into. */
struct box options_box(const struct shmimg_options *options);

/* Add the keys of options that are not the default. */
void options_add_box(struct box box, struct wire_writer *writer);
void options_add_rendition(const struct shmimg_options *options, struct wire_writer *writer);
void options_add_owner(const struct shmimg_options *options, struct wire_writer *writer);
void options_add_load(const struct shmimg_options *options, struct wire_writer *writer);
