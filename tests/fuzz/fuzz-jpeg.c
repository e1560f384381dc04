/*
 * Fuzzes the decoding of JPEG: an input is a file.
 */
#include "tests/fuzz/decode.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t begin[] = {0xff, 0xd8, 0xff};
	if (size < sizeof(begin) || memcmp(data, begin, sizeof(begin)) != 0)
		return -1;
	decode_file(data, size, "JPEG");
	return 0;
}
