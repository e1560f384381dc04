/*
 * CRC-32 of ISO 3309, as in PNG files and the header of segments. For targets that repair the
 * checksums of their inputs: nearly all inputs would be refused for a wrong one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint32_t checksum_of(const uint8_t *bytes, size_t size)
{
	uint32_t crc = 0xffffffff;
	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320 & (0 - (crc & 1)));
	}
	return ~crc;
}
