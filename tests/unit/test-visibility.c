/*
 * Tests of names in the store: whose they are, who sees which, and their order.
 */
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

static void test_names_belong_to_owners(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	struct image *images[3];
	for (uid_t uid = 0; uid < 3; uid++)
		images[uid] =
			world_make(&world, &(struct recipe){"a", .owner = uid})->generation->image;
	for (uid_t uid = 0; uid < 3; uid++)
		assert_ptr_equal(store_find(store, "a", uid), images[uid]);
	assert_null(store_find(store, "a", 3));
	assert_null(store_find(store, "", 0));
	image_drop(store, images[1]);
	assert_null(store_find(store, "a", 1));
	assert_ptr_equal(store_find(store, "a", 2), images[2]);
	world_close(&world);
}

static void test_visibility(void **state)
{
	static gid_t groups[] = {9, 50};
	static const struct {
		struct credentials who;
		bool sees[3]; /* private, group, all */
	} cases[] = {
		{{.uid = 5, .gid = 1}, {true, true, true}},
		{{.uid = 6, .gid = 50}, {false, true, true}},
		{{.uid = 7, .gid = 1, .groups = groups, .group_count = 2}, {false, true, true}},
		{{.uid = 8, .gid = 1, .groups = groups, .group_count = 1}, {false, false, true}},
		{{.uid = 9, .gid = 1}, {false, false, true}},
		{{.uid = 0, .gid = 0}, {false, false, true}},
	};
	(void)state;
	for (int share = SHARE_PRIVATE; share <= SHARE_ALL; share++) {
		struct world world;
		world_open(&world, NULL);
		struct store *store = &world.engine.store;
		const struct recipe recipe = {"a", 5, 50, .share = share};
		struct image *image = world_make(&world, &recipe)->generation->image;
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct image *seen = cases[i].sees[share] ? image : NULL;
			struct image *own = cases[i].who.uid == 5 ? image : NULL;
			assert_ptr_equal(
				store_find_visible(store, &cases[i].who, "a", OWNER_SELF), own);
			assert_ptr_equal(
				store_find_visible(store, &cases[i].who, "a", OWNER_ANY), seen);
			assert_ptr_equal(store_find_visible(store, &cases[i].who, "a", 5), seen);
			assert_null(store_find_visible(store, &cases[i].who, "a", 4));
			assert_null(store_find_visible(store, &cases[i].who, "b", OWNER_SELF));
			assert_null(store_find_visible(store, &cases[i].who, "b", OWNER_ANY));
		}
		world_close(&world);
	}
}

static void test_own_images_come_first(void **state)
{
	struct world world;
	const struct credentials two = {.uid = 2, .gid = 2}, three = {.uid = 3, .gid = 3};
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	world_make(&world, &(struct recipe){"a", 0, .share = SHARE_PRIVATE});
	const struct recipe shared = {"a", 1, .share = SHARE_ALL};
	const struct image *one = world_make(&world, &shared)->generation->image;
	struct image *own =
		world_make(&world, &(struct recipe){"a", .owner = 2})->generation->image;
	world_make(&world, &(struct recipe){"a", 9, .share = SHARE_ALL});
	world_make(&world, &(struct recipe){"aa", 3, .share = SHARE_ALL});
	assert_ptr_equal(store_find_visible(store, &two, "a", OWNER_SELF), own);
	assert_ptr_equal(store_find_visible(store, &two, "a", OWNER_ANY), own);
	assert_ptr_equal(store_find_visible(store, &two, "a", 1), one);
	assert_null(store_find_visible(store, &three, "a", OWNER_SELF));
	assert_ptr_equal(store_find_visible(store, &three, "a", OWNER_ANY), one);
	/* When the own one goes, nobody else's takes its place, unless that was asked for. */
	image_drop(store, own);
	assert_null(store_find_visible(store, &two, "a", OWNER_SELF));
	assert_ptr_equal(store_find_visible(store, &two, "a", OWNER_ANY), one);
	assert_null(store_find_visible(store, &three, "a", 2));
	world_close(&world);
}

static void test_order_of_names(void **state)
{
	static const struct recipe order[] = {
		{"B", .owner = 7},
		{"a", .owner = 0},
		{"a", .owner = 1},
		{"a", .owner = UINT32_MAX - 1},
		{"aa", .owner = 0},
		{"b", .owner = 0},
		{"\xc3\xa9", .owner = 2},
	};
	static const unsigned made[COUNT(order)] = {3, 6, 0, 4, 1, 5, 2};
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	assert_null(store_next(store, NULL, 0));
	for (size_t i = 0; i < COUNT(order); i++)
		world_make(&world, &order[made[i]]);
	const struct image *image = store_next(store, NULL, 0);
	for (size_t i = 0; i < COUNT(order); i++) {
		assert_string_equal(image->name, order[i].name);
		assert_int_equal(image->owner, order[i].owner);
		image = store_next(store, image->name, image->owner);
	}
	assert_null(image);
	/* From a name that has gone meanwhile. */
	assert_string_equal(store_next(store, "a", 2)->name, "a");
	assert_string_equal(store_next(store, "aaa", 0)->name, "b");
	assert_string_equal(store_next(store, "", 0)->name, "B");
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_belong_to_owners),
		cmocka_unit_test(test_visibility),
		cmocka_unit_test(test_own_images_come_first),
		cmocka_unit_test(test_order_of_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
