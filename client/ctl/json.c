/*
 * JSON objects, one a line, written as their keys are added.
 */
#include "client/ctl/json.h"

#include <string.h>

void json_begin(struct json *json, FILE *out)
{
	*json = (struct json){.out = out};
	fputc('{', out);
}

bool json_is_number(const char *key, const char *value)
{
	size_t digits = strspn(value, "0123456789");
	if (digits == 0 || value[digits] || strcmp(key, "name") == 0)
		return false;
	return digits == 1 || value[0] != '0';
}

/* RFC 8259, 7: quotation mark, reverse solidus and U+0000 to U+001F must be escaped. */
static void json_put_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else if (byte < 0x20 || byte == 0x7f)
			fprintf(out, "\\u%04x", byte);
		else
			fputc(byte, out);
	}
	fputc('"', out);
}

void json_add(struct json *json, const char *key, const char *value)
{
	if (json->begun)
		fputc(',', json->out);
	json->begun = true;
	json_put_text(json->out, key);
	fputc(':', json->out);
	if (json_is_number(key, value))
		fputs(value, json->out);
	else
		json_put_text(json->out, value);
}

void json_end(struct json *json)
{
	fputs("}\n", json->out);
}
