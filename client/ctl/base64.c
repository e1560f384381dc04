/*
 * Base64: three bytes become four digits.
 */
#include "client/ctl/base64.h"

#include <stdint.h>

size_t base64_encode(char *out, const void *bytes, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *in = bytes;
	char *next = out;
	for (size_t at = 0; at < size; at += 3) {
		size_t left = size - at;
		uint32_t group = (uint32_t)in[at] << 16;
		group |= left > 1 ? (uint32_t)in[at + 1] << 8 : 0;
		group |= left > 2 ? in[at + 2] : 0;
		*next++ = digits[group >> 18];
		*next++ = digits[group >> 12 & 63];
		*next++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*next++ = left > 2 ? digits[group & 63] : '=';
	}
	*next = '\0';
	return (size_t)(next - out);
}
