/*
 * Options of a request: reads struct shmimg_options of this and other versions of the library,
 * checks it, and adds it to a request. Never keeps the caller's pointer.
 */
#pragma once

#include "client/lib/public.h"
#include "client/protocol/fit.h"
#include "client/protocol/wire.h"

/*
 * Reads options, which may be NULL, or shorter or longer than this version's. Returns 0, or
 * -EINVAL for an invalid value and for an unknown member that is not 0.
 */
int options_read(const struct shmimg_options *given, struct shmimg_options *options);

/* The box to fit a picture into. */
struct box options_box(const struct shmimg_options *options);

/* Add the keys of those options that do not have their default. */
void options_add_box(struct box box, struct wire_writer *writer);
void options_add_rendition(const struct shmimg_options *options, struct wire_writer *writer);
void options_add_owner_of(int64_t owner, struct wire_writer *writer);
void options_add_owner(const struct shmimg_options *options, struct wire_writer *writer);
void options_add_load(const struct shmimg_options *options, struct wire_writer *writer);
