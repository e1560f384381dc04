/*
 * What a doctor has found: one finding after the other, printed as it is made. Examines
 * nothing itself.
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
 * Prints a finding: what was examined, a word; what was found, by a format; and the command
 * that mends it, or NULL.
 */
void diagnosis_add(struct diagnosis *diagnosis, enum verdict verdict, const char *what,
	const char *mend, const char *format, ...) __attribute__((format(printf, 5, 6)));
