/*
 * Lines of the protocol. Decoding never makes a value longer, so a line is parsed in place.
 */
#include "client/protocol/wire.h"

#include <errno.h>
#include <string.h>

static bool wire_is_key_start(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool wire_is_key_char(char c)
{
	return wire_is_key_start(c) || (c >= '0' && c <= '9') || c == '-';
}

/* Printable ASCII, except the space, which separates, and '%', which escapes. */
static bool wire_is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '%';
}

static int wire_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes text[0..length) in place and adds a NUL. */
static const char *wire_decode(char *text, size_t length)
{
	size_t plain = 0;
	while (plain < length && wire_is_plain(text[plain]))
		plain++;
	char *out = text + plain;
	for (size_t i = plain; i < length; i++) {
		if (wire_is_plain(text[i])) {
			*out++ = text[i];
			continue;
		}
		if (text[i] != '%')
			return "a value holds a byte that must be percent-encoded";
		int high = i + 1 < length ? wire_hex_digit(text[i + 1]) : -1;
		int low = i + 2 < length ? wire_hex_digit(text[i + 2]) : -1;
		if (high < 0 || low < 0)
			return "'%' must be followed by two hexadecimal digits";
		if (high == 0 && low == 0)
			return "a value must not hold %00";
		*out++ = (char)(high * 16 + low);
		i += 2;
	}
	*out = '\0';
	return NULL;
}

static const char *wire_parse_field(char *text, size_t length, struct wire_line *line)
{
	char *equals = memchr(text, '=', length);
	if (!equals)
		return "a field must be key=value, after a single space";
	size_t key_length = (size_t)(equals - text);
	if (key_length == 0 || !wire_is_key_start(text[0]))
		return "a key must begin with a-z";
	for (size_t i = 0; i < key_length; i++) {
		if (!wire_is_key_char(text[i]))
			return "a key is made of a-z, 0-9 and '-'";
	}
	*equals = '\0';
	if (wire_get(line, text))
		return "a key is given twice";
	if (line->count == WIRE_FIELDS_MAX)
		return "too many fields in a line";
	const char *fault = wire_decode(equals + 1, length - key_length - 1);
	if (fault)
		return fault;
	line->fields[line->count++] = (struct wire_field){text, equals + 1};
	return NULL;
}

static const char *wire_parse_verb(const char *text, size_t length)
{
	if (length == 0)
		return "a line must begin with a verb";
	for (size_t i = 0; i < length; i++) {
		if (text[i] < 'A' || text[i] > 'Z')
			return "a verb is made of capital letters A-Z";
	}
	return NULL;
}

const char *wire_parse(char *text, size_t length, struct wire_line *line)
{
	text[length] = '\0';
	line->count = 0;
	line->verb = text;
	char *end = memchr(text, ' ', length);
	size_t word = end ? (size_t)(end - text) : length;
	const char *fault = wire_parse_verb(text, word);
	while (!fault && word < length) {
		text[word] = '\0';
		text += word + 1;
		length -= word + 1;
		end = memchr(text, ' ', length);
		word = end ? (size_t)(end - text) : length;
		fault = wire_parse_field(text, word, line);
		/* A decoded value may be shorter than the word: terminate the word too. */
		text[word] = '\0';
	}
	return fault;
}

const char *wire_get(const struct wire_line *line, const char *key)
{
	for (unsigned i = 0; i < line->count; i++) {
		if (strcmp(line->fields[i].key, key) == 0)
			return line->fields[i].value;
	}
	return NULL;
}

int wire_number(const char *text, uint64_t max, uint64_t *number)
{
	uint64_t sum = 0;
	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');
		if (*text < '0' || digit > 9 || sum > (max - digit) / 10)
			return -EINVAL;
		sum = sum * 10 + digit;
		if (sum > max)
			return -EINVAL;
	}
	*number = sum;
	return 0;
}

static void wire_put(struct wire_writer *writer, const char *bytes, size_t count)
{
	if (writer->full || writer->size - writer->length < count) {
		writer->full = true;
		return;
	}
	memcpy(writer->data + writer->length, bytes, count);
	writer->length += count;
}

static void wire_put_escaped(struct wire_writer *writer, unsigned char byte)
{
	static const char digits[] = "0123456789ABCDEF";
	const char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
	wire_put(writer, escape, sizeof(escape));
}

void wire_begin(struct wire_writer *writer, char *data, size_t size, const char *verb)
{
	*writer = (struct wire_writer){.data = data, .size = size};
	wire_put(writer, verb, strlen(verb));
}

static void wire_put_key(struct wire_writer *writer, const char *key)
{
	wire_put(writer, " ", 1);
	wire_put(writer, key, strlen(key));
	wire_put(writer, "=", 1);
}

void wire_add(struct wire_writer *writer, const char *key, const char *value)
{
	wire_put_key(writer, key);
	while (*value) {
		size_t run = 0;
		while (value[run] && wire_is_plain(value[run]))
			run++;
		wire_put(writer, value, run);
		value += run;
		if (*value)
			wire_put_escaped(writer, (unsigned char)*value++);
	}
}

void wire_add_number(struct wire_writer *writer, const char *key, uint64_t number)
{
	char digits[20];
	size_t start = sizeof(digits);
	do {
		digits[--start] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	wire_put_key(writer, key);
	wire_put(writer, digits + start, sizeof(digits) - start);
}

void wire_add_fields(struct wire_writer *writer, const char *fields, size_t length)
{
	wire_put(writer, fields, length);
}

int wire_end(struct wire_writer *writer)
{
	wire_put(writer, "\n", 1);
	return writer->full ? -EMSGSIZE : (int)writer->length;
}
