/*
 * Fuzzes the decoding of PNG: an input is a file. After a mutation all checksums are made correct
 * again, except for one time in eight: libpng reads no further than the first wrong one.
 */
#include "config.h"

#include "tests/fuzz/checksum.h"
#include "tests/fuzz/decode.h"
#include "tests/fuzz/target.h"

static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < sizeof(signature) || memcmp(data, signature, sizeof(signature)) != 0)
		return -1;
	decode_file(data, size, "PNG");
	return 0;
}

#ifdef FUZZING
static uint32_t big_endian(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static void mend_checksums(uint8_t *data, size_t size)
{
	size_t at = sizeof(signature);
	while (at + 12 <= size && big_endian(data + at) <= size - at - 12) {
		uint32_t length = big_endian(data + at);
		uint32_t checksum = checksum_of(data + at + 4, (size_t)length + 4);
		for (int i = 0; i < 4; i++)
			data[at + 8 + length + (size_t)i] = (uint8_t)(checksum >> (24 - 8 * i));
		at += 12 + (size_t)length;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max);
	if (seed % 8 != 0)
		mend_checksums(data, size);
	return size;
}
#endif
