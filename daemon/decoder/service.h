/*
 * The service of a decoder: receives jobs from a channel, does them, and answers.
 */
#pragma once

/*
 * Serves until the daemon closes the channel. Returns 0 then, or a negative errno: -EPROTO if the
 * daemon sent an invalid packet. Only one thread may call this.
 */
int service_run(int channel);
