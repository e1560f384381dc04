/*
 * The findings of the doctor, as lines or as JSON.
 */
#include "client/ctl/diagnosis.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/ctl/json.h"
#include "client/ctl/text.h"

enum { FINDING_SIZE = 1024 };

static const char *const words[] = {
	[VERDICT_GOOD] = "ok",
	[VERDICT_WARNING] = "warning",
	[VERDICT_BAD] = "fault",
};

static void diagnosis_print_json(
	enum verdict verdict, const char *check, const char *fix, const char *text)
{
	struct json json;
	json_begin(&json, stdout);
	json_add(&json, "check", check);
	json_add(&json, "state", words[verdict]);
	json_add(&json, "message", text);
	if (fix)
		json_add(&json, "mend", fix);
	json_end(&json);
}

void diagnosis_add(struct diagnosis *diagnosis, enum verdict verdict, const char *check,
	const char *fix, const char *format, ...)
{
	char text[FINDING_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	diagnosis->warnings += verdict == VERDICT_WARNING;
	diagnosis->faults += verdict == VERDICT_BAD;
	if (diagnosis->json) {
		diagnosis_print_json(verdict, check, fix, text);
		return;
	}
	text_make_safe(text);
	printf("%-8s %s: %s\n", words[verdict], check, text);
	if (fix)
		printf("%-8s   $ %s\n", "", fix);
}
