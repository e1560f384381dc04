/*
 * Fixed limits and sizes of tables, which a build for tests can make so small that all of them are
 * reached (--enable-tiny-limits of configure). A limit that clients see in a manual page stays in
 * the normal build what the page says.
 */
#pragma once

#ifdef TINY_LIMITS
#define TINY(normal, tiny) (tiny)
#else
#define TINY(normal, tiny) (normal)
#endif
