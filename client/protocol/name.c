/*
 * Names of images and of sockets.
 */
#include "client/protocol/name.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "client/protocol/runtime.h"

/* The length of a character in bytes, from its first byte; 0 if that byte is invalid. */
static size_t name_utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc0 || first >= 0xf8)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/*
 * Reads one character of UTF-8. Returns its length in bytes, or 0 if it is invalid: stray or
 * missing continuation bytes, overlong forms, surrogates, beyond U+10FFFF (RFC 3629, 3).
 */
static size_t name_utf8_read(const unsigned char *text, uint32_t *character)
{
	static const uint32_t min[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t count = name_utf8_length(text[0]);
	if (count < 2) {
		*character = text[0];
		return count;
	}
	*character = text[0] & (0x7fu >> count);
	for (size_t i = 1; i < count; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*character = *character << 6 | (text[i] & 0x3f);
	}
	if (*character < min[count] || *character > 0x10ffff)
		return 0;
	return *character >= 0xd800 && *character < 0xe000 ? 0 : count;
}

const char *name_check(const char *name)
{
	if (!*name)
		return "a name must not be empty";
	if (strnlen(name, NAME_LENGTH_MAX + 1) > NAME_LENGTH_MAX)
		return "a name has at most 4095 bytes";
	const unsigned char *next = (const unsigned char *)name;
	while (*next) {
		uint32_t character;
		if (*next >= 0x20 && *next < 0x7f) {
			next++;
			continue;
		}
		size_t count = name_utf8_read(next, &character);
		if (count == 0)
			return "a name must be UTF-8";
		if (character < 0x20 || (character >= 0x7f && character < 0xa0))
			return "a name must not hold control characters";
		next += count;
	}
	return NULL;
}

int name_user_socket(char *path, size_t size)
{
	const char *folder = runtime_folder(NULL, 0);
	if (!folder)
		return -ENOENT;
	int length = snprintf(path, size, "%s/" RUNTIME_SUBFOLDER "/socket", folder);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}
