/*
 * Fuzzes the decoding of segments: an input is a segment. After a mutation the checksum and the
 * size in its header are made correct again, except for one time in eight.
 */
#include "config.h"

#include "client/protocol/header.h"
#include "tests/fuzz/checksum.h"
#include "tests/fuzz/decode.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decode_segment(data, size);
	return 0;
}

#ifdef FUZZING
static void mend(uint8_t *data, size_t size)
{
	struct header header;
	if (size < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	header.segment_size = size;
	header.checksum = 0;
	header.checksum = checksum_of((const uint8_t *)&header, sizeof(header));
	memcpy(data, &header, sizeof(header));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max);
	if (seed % 8 != 0)
		mend(data, size);
	return size;
}
#endif
