/*
 * Reading memory as a program does that shows or computes with a picture: every byte once.
 * The same code for ours and for the peers, C++ among them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline void touch(const void *data, size_t size)
{
	const uint64_t *words = (const uint64_t *)data;
	uint64_t total = 0;
	for (size_t i = 0; i < size / sizeof(*words); i++)
		total += words[i];
	__asm__ volatile("" : : "r"(total)); /* it is needed, for all that the compiler knows */
}
