/*
 * SipHash-2-4 of Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012: two rounds for
 * each word of the data, and four rounds at the end.
 */
#include "daemon/base/siphash.h"

#include <endian.h>
#include <string.h>

struct siphash_state {
	uint64_t a, b, c, d;
};

static uint64_t siphash_rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static inline struct siphash_state siphash_round(struct siphash_state s)
{
	s.a += s.b;
	s.c += s.d;
	s.b = siphash_rotate(s.b, 13) ^ s.a;
	s.d = siphash_rotate(s.d, 16) ^ s.c;
	s.a = siphash_rotate(s.a, 32);
	s.c += s.b;
	s.a += s.d;
	s.b = siphash_rotate(s.b, 17) ^ s.c;
	s.d = siphash_rotate(s.d, 21) ^ s.a;
	s.c = siphash_rotate(s.c, 32);
	return s;
}

static inline struct siphash_state siphash_add(struct siphash_state s, uint64_t word)
{
	s.d ^= word;
	s = siphash_round(siphash_round(s));
	s.a ^= word;
	return s;
}

static uint64_t siphash_load(const void *data, size_t size)
{
	uint64_t word = 0;
	memcpy(&word, data, size);
	return le64toh(word);
}

uint64_t siphash(const unsigned char key[SIPHASH_KEY_SIZE], const void *data, size_t size)
{
	const unsigned char *next = data;
	uint64_t low = siphash_load(key, 8), high = siphash_load(key + 8, 8);
	struct siphash_state state = {
		low ^ UINT64_C(0x736f6d6570736575),
		high ^ UINT64_C(0x646f72616e646f6d),
		low ^ UINT64_C(0x6c7967656e657261),
		high ^ UINT64_C(0x7465646279746573),
	};
	size_t left = size;
	for (; left >= 8; left -= 8, next += 8)
		state = siphash_add(state, siphash_load(next, 8));
	state = siphash_add(state, siphash_load(next, left) | (uint64_t)size << 56);
	state.c ^= 0xff;
	state = siphash_round(siphash_round(siphash_round(siphash_round(state))));
	return state.a ^ state.b ^ state.c ^ state.d;
}
