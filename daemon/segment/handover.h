/*
 * Hands descriptors over to who shall be the last to close them, in two steps: the descriptor
 * first, and when it is closed here, word of that. So what the end of a file costs never falls
 * on who gave it away. Knows nothing of what they are, and waits for nothing.
 */
#pragma once

#include <stdbool.h>

struct handover {
	int channel; /* a SOCK_SEQPACKET of the caller's, not blocking */
	bool due;    /* the word that the descriptor which went last is closed */
};

/*
 * Sends a descriptor, closes it, and says so. Returns 0 when it went, be it that the word is
 * still due; else a negative errno: then the descriptor stays the caller's.
 */
int handover_give(struct handover *handover, int fd);

/*
 * Says what is due, if anything is. Returns 0 or a negative errno: to be tried again when the
 * channel can be written to.
 */
int handover_settle(struct handover *handover);
