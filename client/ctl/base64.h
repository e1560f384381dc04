/*
 * Base64 with padding (RFC 4648, section 4), in which terminals receive pictures.
 */
#pragma once

#include <stddef.h>

/* Size of the text, with its NUL. */
#define BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1)

/* Encodes bytes into out, which has BASE64_SIZE(size) bytes. Returns the length of the text. */
size_t base64_encode(char *out, const void *bytes, size_t size);
