/*
 * Adoption: puts the images of a dead daemon back into the store as they were, from the segments
 * and the board that it left, and removes all other segments of the instance.
 */
#pragma once

#include "daemon/store/store.h"

/*
 * Adopts. The board and the semaphore sets must have been taken over before. A segment that cannot
 * be adopted is removed. When memory, descriptors or the like run out, it stays, and the caller
 * must leave the board as it is. Returns the number of images adopted, or a negative errno. The
 * store may be above its limits afterwards, because they may be lower now.
 */
int adopt(struct store *store);
