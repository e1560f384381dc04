/*
 * What a terminal can do, learnt by asking it. Reads answers that may hold anything.
 */
#pragma once

#include "client/ctl/terminal.h"

/*
 * Asks, and waits at most timeout_ms for all answers: a terminal that keeps silent can do
 * nothing. *traits is set in any case.
 */
void terminal_learn(struct terminal *terminal, int timeout_ms, struct terminal_traits *traits);

/* Whether the last answer is among them: that to the request for device attributes. */
bool terminal_traits_whole(const char *answers);

/* What answers say. */
struct terminal_traits terminal_traits_read(const char *answers);
