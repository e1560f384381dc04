/*
 * The public header as the library itself sees it: what it declares is exported, and all
 * else stays hidden (-fvisibility=hidden, libshmimg.map). Declares nothing of its own.
 */
#pragma once

#pragma GCC visibility push(default)
#include "client/include/shmimg.h"
#pragma GCC visibility pop
