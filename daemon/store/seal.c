/*
 * A seal is a checksum that needs the key: SipHash of the header with 0 in both of its checksums,
 * then the segment's name, and the image's name where the header does not have it. Each segment has
 * a random name that only the daemon can give, so a header that was copied from another segment is
 * not believed either.
 */
#include "daemon/store/seal.h"

#include <stdint.h>
#include <string.h>

#include "client/protocol/name.h"
#include "daemon/segment/segment.h"

struct sealed {
	struct header header;
	char segment[SEGMENT_NAME_SIZE];
	char name[NAME_LENGTH_MAX];
};

static uint64_t seal_compute(const struct identity *identity, const struct header *header,
	const char *segment, const char *name)
{
	struct sealed sealed = {.header = *header};
	size_t size = offsetof(struct sealed, name);
	sealed.header.checksum = 0;
	sealed.header.seal = 0;
	strncpy(sealed.segment, segment, sizeof(sealed.segment) - 1);
	if (header->name_offset >= HEADER_SIZE) {
		memcpy(sealed.name, name, header->name_length);
		size += header->name_length;
	}
	return siphash(identity->key, &sealed, size);
}

void seal_header(const struct identity *identity, struct header *header, const char *segment,
	const char *name)
{
	header_begin(header);
	header->seal = seal_compute(identity, header, segment, name);
	header_seal(header);
}

bool seal_is_good(const struct identity *identity, const struct header *header, const char *segment,
	const char *name)
{
	return header->seal == seal_compute(identity, header, segment, name);
}
