/*
 * Shared by all fuzz targets.
 */
#include "tests/fuzz/target.h"

#include <ctype.h>
#include <unistd.h>

enum { COUNTERS = 4096 };

/* libFuzzer reads and clears these as it does its own; without it they are only memory. */
__attribute__((section("__libfuzzer_extra_counters"), used)) static uint8_t counters[COUNTERS];

int target_next_fd(void)
{
	int fd = dup(STDIN_FILENO);
	must(fd >= 0);
	close(fd);
	return fd;
}

void target_note(const char *message)
{
	uint32_t hash = 2166136261; /* FNV-1a */
	for (; *message; message++) {
		unsigned char byte = (unsigned char)*message;
		hash = (hash ^ (isdigit(byte) ? '0' : byte)) * 16777619;
	}
	counters[hash % COUNTERS] = 1;
}
