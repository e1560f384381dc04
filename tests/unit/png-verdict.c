/*
 * Asserts that both ways to decode PNG agree.
 */
#include "config.h"

#include "tests/unit/png-verdict.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

struct png_pair compare(const struct bytes *file, enum format format)
{
	struct png_pair pair;
	const char *difference = png_pair_compare(file->data, file->size, format, &pair);
	if (difference)
		fail_msg("%s differs; libpng says: %s", difference, pair.message);
	return pair;
}

void assert_fast(struct bytes *file, enum format format)
{
	struct png_pair pair = compare(file, format);
	if (!pair.accepted || !pair.fast)
		fail_msg("slow: %s", pair.message);
	free(file->data);
}

void assert_slow(struct bytes *file, bool accepted)
{
	struct png_pair pair = compare(file, FORMAT_RGBA8);
	assert_false(pair.fast);
	if (pair.accepted != accepted)
		fail_msg("libpng says: %s", pair.message);
	free(file->data);
}
