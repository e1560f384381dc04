/*
 * The traits of a terminal: asks it what it can do, and reads its answers, which may be malformed.
 */
#pragma once

#include "client/ctl/terminal.h"

/*
 * Asks, and waits at most timeout_ms for all answers. Sets *traits in every case; a terminal that
 * does not answer has none.
 */
void terminal_traits_ask(struct terminal *terminal, int timeout_ms, struct terminal_traits *traits);

/* Whether the answers are complete: the last one reports the device attributes. */
bool terminal_traits_whole(const char *answers);

/* Reads answers. */
struct terminal_traits terminal_traits_read(const char *answers);
