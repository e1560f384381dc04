/*
 * The diagnosis of the doctor: prints each finding, and counts warnings and faults.
 */
#pragma once

#include <stdbool.h>

enum verdict {
	VERDICT_GOOD,
	VERDICT_WARNING, /* works, but not as well as it could */
	VERDICT_BAD,	 /* does not work, or not safely */
};

struct diagnosis {
	bool json;
	unsigned warnings;
	unsigned faults;
};

/*
 * Prints a finding: the word of the check, the message by a format, and the command that fixes the
 * problem, or NULL.
 */
void diagnosis_add(struct diagnosis *diagnosis, enum verdict verdict, const char *check,
	const char *fix, const char *format, ...) __attribute__((format(printf, 5, 6)));
