/*
 * Computes SipHash-2-4, a hash with a key. Without the key, nobody can choose data that collides.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_SIZE = 16 };

uint64_t siphash(const unsigned char key[SIPHASH_KEY_SIZE], const void *data, size_t size);
