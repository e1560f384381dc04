/*
 * Taking over from a dead daemon: finds the segments that it had answered for, believes a
 * header only after checking it, puts the images back into the store as they were, and
 * removes whatever else bears the instance's name.
 */
#pragma once

#include "daemon/store/store.h"

/*
 * The board must have been taken over, and the semaphore sets with it. What cannot be
 * adopted is removed, unless that is for want of memory, descriptors or the like: then the
 * board must be left as it is. Returns the number of images
 * adopted, or a negative errno. The store may be above its limits then, which may be lower now.
 */
int adopt(struct store *store);
