/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a hash whose
 * collisions nobody can choose who does not know the key. Keeps no state.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_SIZE = 16 };

uint64_t siphash(const unsigned char key[SIPHASH_KEY_SIZE], const void *data, size_t size);
