/*
 * A picture of 3840x2160 as a second process gets it: through the library, by name.
 * Ends the program when something fails.
 */
#pragma once

#include "client/include/shmimg.h"
#include "tests/bench/bench.h"

shmimg_client *look_connect(const struct setting *setting);

/* Drops the picture and ends the connection. */
void look_end(shmimg_client *client);

/* Has the picture decoded, once for all. */
shmimg_image *look_load(shmimg_client *client, const struct setting *setting);

shmimg_image *look_fetch(shmimg_client *client);

/* Bytes of its pixels, rows and what pads them. */
size_t look_bytes(const shmimg_image *image);

/* Microseconds since a time of clock_now(). */
double look_took(uint64_t began);

/* Fetches, reads every pixel and lets go. Returns microseconds. */
double look_once(shmimg_client *client);
