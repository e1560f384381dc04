/*
 * Fuzzes the decoding of XPM: an input is a file.
 */
#include "tests/fuzz/decode.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char begin[] = {'/', '*', ' ', 'X', 'P', 'M'};
	if (size < sizeof(begin) || memcmp(data, begin, sizeof(begin)) != 0)
		return -1;
	decode_file(data, size, "XPM");
	return 0;
}
