/*
 * Base64 with padding (RFC 4648, 4), as terminals take pictures.
 */
#pragma once

#include <stddef.h>

/* Bytes of the text, its NUL included. */
#define BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1)

/* Writes the text for bytes; out has BASE64_SIZE(size). Returns its length. */
size_t base64_encode(char *out, const void *bytes, size_t size);
