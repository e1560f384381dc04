/*
 * How many more file descriptors this process can have. Must be known before a message is received:
 * a descriptor for which the process has no number left is closed by the kernel then and there, on
 * the thread that receives, and its sender can make that close last for ever. For the daemon's
 * thread; other threads may close descriptors, and open none that stay.
 */
#pragma once

#include <stdbool.h>

/* Must be called when descriptors were opened or received that may stay open. */
void fd_budget_take(unsigned count);

/* Whether a message can bring more descriptors than the process can have. */
bool fd_budget_is_scarce(void);
