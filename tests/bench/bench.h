/*
 * The benchmark: rows of ours against a baseline, measured by turns in one run. The daemon is
 * there already, the pictures too (tests/bench/run sees to both).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/bench/sample.h"

struct setting {
	const char *socket; /* of the daemon */
	const char *folder; /* pictures: fhd.jpg, uhd.jpg, fhd.png, uhd.png;
			     * sockets of peers: redis, memcached, qt */
	pid_t daemon;
	bool quick; /* to see that all works, and not what it costs */
};

/* How often a row does a thing that it would do count times. */
static inline int times(const struct setting *setting, int count)
{
	return setting->quick && count > 2 ? 2 : count;
}

/* What a row measured. Both in the row's unit; ratio is ours / base unless set. */
struct result {
	struct sample ours;
	struct sample base;
	double ratio; /* 0: of the medians */
	long extra;   /* a second figure, said by the row */
};

typedef void row_run(const struct setting *setting, struct result *result);

row_run row_fetch_one, row_fetch_across, row_fetch_many, row_connections;
row_run row_fetch_spin;
row_run row_attack_watch, row_attack_close, row_attack_list, row_attack_path;
row_run row_kept, row_first_touch, row_kept_touch;
row_run row_jpeg_fhd_idle, row_jpeg_uhd_idle, row_jpeg_fhd_busy, row_jpeg_uhd_busy;
row_run row_png_fhd, row_png_uhd, row_rendition, row_two_decoders;
row_run row_peer_redis, row_peer_memcached, row_peer_qt;
row_run row_peer_decode_jpeg, row_peer_decode_png;
