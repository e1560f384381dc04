/*
 * The public header, with its functions marked as exported. Everything else is hidden
 * (-fvisibility=hidden, libshmimg.map).
 */
#pragma once

#pragma GCC visibility push(default)
#include "client/include/shmimg.h"
#pragma GCC visibility pop
