/*
 * Tests of eviction: what is evictable at any time, which images go for whom, that many go in
 * turns, and that nothing goes for an image before it is complete.
 */
#include <errno.h>
#include <stdio.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"

enum { ANNA = 1000001, BERT = 1000002, CARL = 1000003, MANY = 100 };

static void assert_evictable(const struct world *world, uid_t owner, uint64_t count, uint64_t bytes)
{
	const struct accounts *accounts = &world->engine.accounts;
	assert_int_equal(accounts_evictable(accounts, owner, RESOURCE_IMAGES), count);
	assert_int_equal(accounts_evictable(accounts, owner, RESOURCE_BYTES), bytes);
	assert_int_equal(accounts_evictable(accounts, owner, RESOURCE_PINS), 0);
}

static void test_evictable(void **state)
{
	struct world world;
	struct pin pins[2] = {0};
	(void)state;
	world_open(&world, NULL);
	const struct lru *evictable = &world.engine.store.evictable;
	struct recipe recipe = {"a", ANNA, .state = 1};
	uint64_t size = world_size(&recipe);
	struct rendition *rendition = world_make(&world, &recipe);
	struct image *image = rendition->generation->image;
	assert_evictable(&world, ANNA, 1, size);
	assert_evictable(&world, BERT, 0, 0);
	recipe.format = FORMAT_GRAY8;
	uint64_t both = size + world_size(&recipe);
	image_pin(&pins[0], rendition);
	assert_evictable(&world, ANNA, 0, 0);
	struct rendition *grey = world_make(&world, &recipe);
	assert_evictable(&world, ANNA, 0, 0);
	image_pin(&pins[1], grey);
	image_unpin(&pins[0]);
	assert_evictable(&world, ANNA, 0, 0);
	image_unpin(&pins[1]);
	assert_evictable(&world, ANNA, 1, both);
	image_set_keep(image, KEEP_PINNED);
	assert_evictable(&world, ANNA, 0, 0);
	image_set_keep(image, KEEP_CACHE);
	assert_evictable(&world, ANNA, 1, both);
	assert_int_equal(evictable->count, 1);
	assert_int_equal(evictable->bytes, both);
	recipe.state = 2; /* both renditions are of the old generation */
	world_make(&world, &recipe);
	assert_evictable(&world, ANNA, 1, world_size(&recipe));
	image_drop(&world.engine.store, image);
	assert_evictable(&world, ANNA, 0, 0);
	assert_int_equal(evictable->count, 0);
	world_close(&world);
}

/* Whoever lets go of an image was the last to use it. */
static void test_released_last_goes_last(void **state)
{
	struct world world;
	struct pin pin = {0};
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	struct recipe recipe = {"a", .state = 1};
	store->memory_max = 2 * world_size(&recipe);
	image_pin(&pin, world_make(&world, &recipe));
	recipe.name = "b";
	world_make(&world, &recipe);
	image_unpin(&pin);
	recipe.name = "c";
	world_make(&world, &recipe);
	assert_non_null(store_find(store, "a", 0));
	assert_null(store_find(store, "b", 0));
	world_close(&world);
}

/* An image makes room for its own new format where nothing else can. */
static void test_other_renditions_go(void **state)
{
	struct world world;
	struct rendition *rendition = NULL;
	struct pin pin = {0};
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	struct recipe recipe = {"a", .state = 1};
	store->memory_max = world_size(&recipe);
	const struct rendition *first = world_make(&world, &recipe);
	const struct image *image = first->generation->image;
	recipe.format = FORMAT_GRAY8;
	image_pin(&pin, world_make(&world, &recipe));
	assert_ptr_equal(store_find(store, "a", 0), image);
	assert_int_equal(image->bytes, world_size(&recipe));
	assert_int_equal(store->rendition_count, 1);
	recipe.format = FORMAT_RGBA8;
	assert_int_equal(world_publish(&world, &recipe, &rendition), -ENOSPC);
	image_unpin(&pin);
	world_close(&world);
}

/* What was evictable when bytes were reserved may be pinned when they are needed. */
static void test_room_is_lost_meanwhile(void **state)
{
	struct world world;
	struct charge charge = {0};
	struct pin pin = {0};
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	struct recipe recipe = {"a", ANNA, .state = 1};
	uint64_t size = world_size(&recipe);
	struct rendition *rendition = world_make(&world, &recipe);
	store->memory_max = size;
	assert_int_equal(store_reserve(store, &charge, ANNA, size), 0);
	assert_int_equal(store_check_room(store, &charge, ANNA), 0);
	image_pin(&pin, rendition);
	assert_int_equal(store_check_room(store, &charge, ANNA), -ENOBUFS);
	world.options.user_limits[RESOURCE_BYTES] = 2 * size - 1;
	assert_int_equal(store_check_room(store, &charge, ANNA), -EDQUOT);
	image_unpin(&pin);
	assert_int_equal(store_check_room(store, &charge, ANNA), 0);
	store->memory_max = size - 1;
	assert_int_equal(store_check_room(store, &charge, ANNA), -ENOBUFS);
	assert_non_null(store_find(store, "a", ANNA));
	store_cancel(store, &charge);
	world_close(&world);
}

static void make_many(struct world *world, uid_t owner)
{
	for (unsigned i = 0; i < MANY; i++) {
		char name[8];
		snprintf(name, sizeof(name), "%u", i);
		world_make(world, &(struct recipe){name, owner, .state = 1});
	}
}

static void go_on(struct world *world)
{
	while (eviction_is_pending(&world->engine.eviction))
		assert_true(sd_event_run(world->event, 1000000) > 0);
}

/* A few at once, the others by and by. */
static void test_many_go_in_turns(void **state)
{
	struct world world;
	const struct recipe large = {"large", ANNA, .width = 480 * 16, .state = 1};
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	make_many(&world, BERT);
	store->memory_max = store->bytes;
	world_make(&world, &large);
	uint64_t at_once = world.engine.eviction.count;
	assert_in_range(at_once, 1, MANY / 2);
	assert_true(eviction_is_pending(&world.engine.eviction));
	go_on(&world);
	assert_true(world.engine.eviction.count > at_once);
	assert_in_range(store->bytes, store->memory_max - 8192, store->memory_max);
	assert_non_null(store_find(store, "large", ANNA));
	assert_int_equal(world.engine.eviction.pressure_count, 0);
	world_close(&world);
}

static void test_an_owners_many_go_in_turns(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	make_many(&world, BERT);
	make_many(&world, ANNA);
	world.options.user_limits[RESOURCE_IMAGES] = 10;
	world_make(&world, &(struct recipe){"new", ANNA, .state = 1});
	assert_in_range(store->image_count, MANY + 20, 2 * MANY);
	go_on(&world);
	assert_int_equal(accounts_used(&world.engine.accounts, ANNA, RESOURCE_IMAGES), 10);
	assert_int_equal(accounts_used(&world.engine.accounts, BERT, RESOURCE_IMAGES), MANY);
	assert_non_null(store_find(store, "new", ANNA));
	world_close(&world);
}

static void test_wanted_and_pressed(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	assert_false(eviction_want(&world.engine.eviction, 1));
	eviction_press(&world.engine.eviction, 1);
	assert_false(eviction_is_pending(&world.engine.eviction));
	make_many(&world, ANNA);
	uint64_t size = store->bytes / MANY;
	assert_true(eviction_want(&world.engine.eviction, 3 * size));
	eviction_press(&world.engine.eviction, 4 * size);
	go_on(&world);
	/* What went for want of room has relieved the machine, too. */
	assert_int_equal(world.engine.eviction.count, 4);
	assert_int_equal(world.engine.eviction.pressure_count, 1);
	eviction_press(&world.engine.eviction, UINT64_MAX / 2);
	go_on(&world);
	assert_int_equal(store->image_count, 0);
	assert_int_equal(world.engine.eviction.pressure_count, MANY - 3);
	world_close(&world);
}

static void make_some(struct world *world, uid_t owner, unsigned first, unsigned count)
{
	char name[16];
	for (unsigned i = first; i < first + count; i++) {
		snprintf(name, sizeof(name), "%u", i);
		world_make(world, &(struct recipe){name, owner, .state = 1});
	}
}

static uint64_t images_of(const struct world *world, uid_t owner)
{
	return accounts_used(&world->engine.accounts, owner, RESOURCE_IMAGES);
}

/* Who fills the memory evicts the own images, however much older those of others are. */
static void test_who_has_most_goes_first(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	uint64_t size = world_size(&(struct recipe){"0", ANNA, .state = 1});
	store->memory_max = 12 * size;
	make_some(&world, ANNA, 0, 4);
	make_some(&world, BERT, 0, MANY);
	assert_int_equal(images_of(&world, ANNA), 4);
	assert_int_equal(images_of(&world, BERT), 8);
	assert_null(store_find(store, "91", BERT));
	assert_non_null(store_find(store, "92", BERT));
	/* Another owner's first images take of the one with the most, down to a fair share. */
	make_some(&world, CARL, 0, 4);
	assert_int_equal(images_of(&world, ANNA), 4);
	assert_int_equal(images_of(&world, BERT), 4);
	assert_int_equal(images_of(&world, CARL), 4);
	/* /dev/shm is full although no owner has more than a share: the oldest of all. */
	assert_true(eviction_want(&world.engine.eviction, size));
	while (eviction_go_on(&world.engine.eviction))
		;
	assert_null(store_find(store, "0", ANNA));
	/* It is full, and one has more. */
	make_some(&world, CARL, 4, 1);
	assert_true(eviction_want(&world.engine.eviction, size));
	while (eviction_go_on(&world.engine.eviction))
		;
	assert_null(store_find(store, "0", CARL));
	assert_int_equal(images_of(&world, ANNA), 3);
	assert_int_equal(images_of(&world, BERT), 4);
	world_close(&world);
}

/* Pinned bytes count too: who pins much has less of a cache. */
static void test_pinned_bytes_count(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	store->memory_max = 8 * world_size(&(struct recipe){"0", ANNA, .state = 1});
	make_some(&world, ANNA, 0, 3);
	world_make(&world, &(struct recipe){"a", BERT, .keep = KEEP_PINNED, .state = 1});
	world_make(&world, &(struct recipe){"b", BERT, .keep = KEEP_PINNED, .state = 1});
	world_make(&world, &(struct recipe){"c", BERT, .keep = KEEP_PINNED, .state = 1});
	make_some(&world, BERT, 0, 4);
	assert_int_equal(images_of(&world, ANNA), 3);
	assert_non_null(store_find(store, "3", BERT));
	assert_null(store_find(store, "1", BERT));
	world_close(&world);
}

/* An image that is larger than a fair share does not go at once, nor in a later turn. */
static void test_a_large_image_is_not_the_first_to_go(void **state)
{
	struct world world;
	const struct recipe large = {"large", BERT, .width = 1600, .state = 1};
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	make_some(&world, ANNA, 0, MANY);
	store->memory_max = store->bytes;
	world_make(&world, &large);
	while (eviction_go_on(&world.engine.eviction))
		;
	assert_non_null(store_find(store, "large", BERT));
	assert_true(store->bytes <= store->memory_max);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_evictable),
		cmocka_unit_test(test_released_last_goes_last),
		cmocka_unit_test(test_other_renditions_go),
		cmocka_unit_test(test_room_is_lost_meanwhile),
		cmocka_unit_test(test_many_go_in_turns),
		cmocka_unit_test(test_an_owners_many_go_in_turns),
		cmocka_unit_test(test_wanted_and_pressed),
		cmocka_unit_test(test_who_has_most_goes_first),
		cmocka_unit_test(test_pinned_bytes_count),
		cmocka_unit_test(test_a_large_image_is_not_the_first_to_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
