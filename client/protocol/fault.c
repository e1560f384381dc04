/*
 * The error codes.
 */
#include "client/protocol/fault.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *word;
	const char *advice;
	int number;
} faults[FAULT_COUNT] = {[FAULT_NONE] = {"", "", 0},
#define X(constant, word, number, advice) [FAULT_##constant] = {word, advice, number},
	FAULT_TABLE(X)
#undef X
};

const char *fault_to_string(enum fault fault)
{
	return faults[fault].word;
}

const char *fault_advice(enum fault fault)
{
	return faults[fault].advice;
}

bool fault_is_advised(const char *message)
{
	return strstr(message, "; ") != NULL;
}

int fault_errno(enum fault fault)
{
	return faults[fault].number;
}

enum fault fault_from_string(const char *word)
{
	for (int i = FAULT_NONE + 1; i < FAULT_COUNT; i++) {
		if (strcmp(faults[i].word, word) == 0)
			return (enum fault)i;
	}
	return FAULT_NONE;
}
