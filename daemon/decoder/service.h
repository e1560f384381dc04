/*
 * The decoder's side of job.h: serves the jobs of a channel, one after the other. Confines
 * nothing and starts nothing; what it is given with a job it closes.
 */
#pragma once

/*
 * Serves until the other side ends. Returns 0 when it has, or a negative errno: -EPROTO when
 * it broke job.h, after which nothing of it can be believed. Not for two threads at once.
 */
int service_run(int channel);
