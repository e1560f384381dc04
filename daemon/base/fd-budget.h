/*
 * How many descriptors this process can have besides those that it has. For what the kernel finds
 * no number for when a message is received, it closes then and there, on the thread that receives;
 * and who has sent it may have seen to it that this never ends. So it is to be known before. All
 * of it is for the daemon's thread; others may close descriptors, and open none that stay.
 */
#pragma once

#include <stdbool.h>

/* So many were opened or received, and may be kept. */
void fd_budget_take(unsigned count);

/* Whether a message may bring more than there is room for. */
bool fd_budget_is_scarce(void);
