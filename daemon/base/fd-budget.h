/*
 * Knows how many more file descriptors this process can have. For the daemon's thread; other
 * threads may close descriptors, but must not open descriptors that stay open.
 */
#pragma once

#include <stdbool.h>

/* Call this after opening or receiving descriptors that may stay open. */
void fd_budget_take(unsigned count);

/* Whether a message can bring more descriptors than the process can have. */
bool fd_budget_is_scarce(void);
