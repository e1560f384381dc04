/*
 * Tests of the index of names and of the hash beneath it: it finds what an array would, while
 * images of all names come and go.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/image.h"
#include "daemon/store/index.h"
#include "tests/unit/unit.h"

enum { NAMES = 300, OWNERS = 3, CHANGES = 20000, GROWN = 5000 };

/* The vectors of SipHash's authors: key 00 01 .. 0f, input 00 01 .. */
static void test_hash(void **state)
{
	static const struct {
		size_t size;
		uint64_t hash;
	} cases[] = {
		{0, UINT64_C(0x726fdb47dd0e0e31)},
		{1, UINT64_C(0x74f839c593dc67fd)},
		{15, UINT64_C(0xa129ca6149be45e5)},
	};
	unsigned char bytes[16];
	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_true(siphash(bytes, bytes, cases[i].size) == cases[i].hash);
}

static unsigned count_of(const struct index *index, const char *name, unsigned *owners)
{
	struct index_search search = index_search(index, name);
	const struct image *image;
	unsigned count = 0;
	*owners = 0;
	while ((image = index_next(&search))) {
		assert_string_equal(image->name, name);
		*owners |= 1u << image->owner;
		count++;
	}
	return count;
}

static void test_against_an_array(void **state)
{
	static struct image images[NAMES][OWNERS];
	static char names[NAMES][8];
	static unsigned there[NAMES];
	struct index index;
	unsigned owners;
	(void)state;
	assert_int_equal(index_init(&index), 0);
	assert_int_equal(count_of(&index, "nothing", &owners), 0);
	srandom(1);
	for (unsigned i = 0; i < CHANGES; i++) {
		unsigned n = (unsigned)random() % NAMES, k = (unsigned)random() % OWNERS;
		struct image *image = &images[n][k];
		snprintf(names[n], sizeof(names[n]), "%u", n);
		image->name = names[n];
		image->owner = k;
		if (there[n] & 1u << k) {
			index_remove(&index, &image->indexed);
		} else {
			assert_int_equal(index_reserve(&index), 0);
			index_add(&index, &image->indexed, image, image->name);
		}
		there[n] ^= 1u << k;
		count_of(&index, names[n], &owners);
		assert_int_equal(owners, there[n]);
	}
	unsigned count = 0;
	for (unsigned n = 0; n < NAMES; n++) {
		count += count_of(&index, names[n], &owners);
		assert_int_equal(owners, there[n]);
	}
	assert_int_equal(index.count, count);
	index_destroy(&index);
}

/* The table grows by one bucket for each image, and all images are found at each size. */
static void test_growth(void **state)
{
	static struct image images[GROWN];
	static char names[GROWN][8];
	struct index index;
	unsigned owners;
	(void)state;
	assert_int_equal(index_init(&index), 0);
	for (unsigned i = 0; i < GROWN; i++) {
		uint32_t size = index.size;
		snprintf(names[i], sizeof(names[i]), "%u", i);
		assert_int_equal(index_reserve(&index), 0);
		assert_int_equal(index.size, size + 1);
		index_add(&index, &images[i].indexed, &images[i], names[i]);
		images[i].name = names[i];
		for (unsigned n = 0; n <= i; n += 1 + i / 8)
			assert_int_equal(count_of(&index, names[n], &owners), 1);
	}
	for (unsigned i = 0; i < GROWN; i++) {
		assert_int_equal(count_of(&index, names[i], &owners), 1);
		index_remove(&index, &images[i].indexed);
		assert_int_equal(count_of(&index, names[i], &owners), 0);
	}
	assert_int_equal(index.count, 0);
	index_destroy(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_against_an_array),
		cmocka_unit_test(test_growth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
