/*
 * Tests of publish, store and image: what becomes of names, generations and renditions,
 * who sees them, what is evicted, and the balances.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/sets.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

static bool is_open(const char *segment)
{
	int fd = segment_open(segment);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static uint64_t shown(const struct world *world, const struct image *image)
{
	return world->engine.board.slots[image->slot];
}

static void assert_balance(
	const struct world *world, unsigned images, unsigned renditions, uint64_t bytes)
{
	const struct store *store = &world->engine.store;
	assert_int_equal(store->image_count, images);
	assert_int_equal(store->rendition_count, renditions);
	assert_int_equal(store->bytes, bytes);
}

static void test_new_image(void **state)
{
	struct world world;
	struct header header;
	(void)state;
	world_open(&world, NULL);
	const struct recipe recipe = {"a", 5, 50, .keep = KEEP_PINNED, .state = 1};
	const struct rendition *rendition = world_make(&world, &recipe);
	const struct image *image = rendition->generation->image;
	assert_ptr_equal(store_find(&world.engine.store, "a", 5), image);
	assert_int_equal(image->owner, 5);
	assert_int_equal(image->group, 50);
	assert_int_equal(image->share, SHARE_PRIVATE);
	assert_int_equal(image->keep, KEEP_PINNED);
	assert_int_equal(shown(&world, image), rendition->generation->number);
	assert_balance(&world, 1, 1, world_size(&recipe));
	assert_int_equal(world_segments(&world), 1);
	int fd = segment_open(rendition->segment);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	close(fd);
	assert_null(header_check(&header, rendition->segment_size));
	assert_int_equal(header.generation, rendition->generation->number);
	assert_int_equal(header.owner, 5);
	assert_int_equal(header.slot, image->slot);
	assert_int_equal(header.semaphore_id, image->semaphore.id);
	assert_memory_equal(header.name, "a", 2);
	world_close(&world);
}

static void test_defaults_of_share_and_keep(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct recipe recipe = {"a", .share = -1, .keep = -1, .state = 1};
	const struct image *image = world_make(&world, &recipe)->generation->image;
	assert_int_equal(image->share, SHARE_PRIVATE);
	assert_int_equal(image->keep, KEEP_CACHE);
	world_make(&world, &(struct recipe){"b", .share = SHARE_ALL, .keep = KEEP_PINNED});
	recipe = (struct recipe){"b", .share = -1, .keep = -1, .state = 2};
	image = world_make(&world, &recipe)->generation->image;
	assert_int_equal(image->share, SHARE_ALL);
	assert_int_equal(image->keep, KEEP_PINNED);
	world_close(&world);
}

static void test_renditions(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct recipe recipe = {"a", .state = 1};
	struct rendition *first = world_make(&world, &recipe);
	uint64_t bytes = world_size(&recipe);
	recipe.format = FORMAT_GRAY16;
	const struct rendition *second = world_make(&world, &recipe);
	bytes += world_size(&recipe);
	assert_ptr_equal(first->generation, second->generation);
	assert_ptr_equal(generation_find(first->generation, FORMAT_RGBA8, BOX_ANY), first);
	assert_ptr_equal(generation_find(first->generation, FORMAT_GRAY16, BOX_ANY), second);
	assert_null(generation_find(first->generation, FORMAT_GRAY8, BOX_ANY));
	assert_balance(&world, 1, 2, bytes);
	assert_int_equal(world_segments(&world), 2);

	struct rendition *same = NULL;
	recipe.keep = KEEP_PINNED;
	assert_int_equal(world_publish(&world, &recipe, &same), 1);
	assert_ptr_equal(same, second);
	assert_int_equal(second->generation->image->keep, KEEP_PINNED);
	assert_balance(&world, 1, 2, bytes);
	assert_int_equal(world_segments(&world), 2);
	world_close(&world);
}

static void test_new_generation(void **state)
{
	struct world world;
	struct pin pin = {0};
	(void)state;
	world_open(&world, NULL);
	struct recipe recipe = {"a", .state = 1};
	struct rendition *old = world_make(&world, &recipe);
	uint64_t number = old->generation->number;
	const struct image *image = old->generation->image;
	unsigned index = image->semaphore.index;
	image_pin(&pin, old);
	recipe.state = 2;
	const struct rendition *new = world_make(&world, &recipe);
	assert_ptr_equal(new->generation->image, image);
	assert_ptr_equal(image_current(image), new->generation);
	assert_true(new->generation->number > number);
	assert_int_equal(shown(&world, image), new->generation->number);
	assert_int_equal(image->semaphore.index, index);
	assert_true(is_open(old->segment));
	assert_balance(&world, 1, 2, 2 * world_size(&recipe));
	image_unpin(&pin);
	assert_balance(&world, 1, 1, world_size(&recipe));
	assert_int_equal(world_segments(&world), 1);
	assert_true(is_open(new->segment));

	recipe.state = 3; /* nobody holds this one: it goes at once */
	world_make(&world, &recipe);
	assert_balance(&world, 1, 1, world_size(&recipe));
	assert_int_equal(world_segments(&world), 1);
	world_close(&world);
}

/* An old generation goes with its own last pin, whatever else of the image is pinned. */
static void test_generations_go_one_by_one(void **state)
{
	struct world world;
	struct pin pins[3] = {0};
	(void)state;
	world_open(&world, NULL);
	struct recipe recipe = {"a", .state = 0};
	for (unsigned i = 0; i < COUNT(pins); i++) {
		recipe.state = i;
		image_pin(&pins[i], world_make(&world, &recipe));
	}
	assert_balance(&world, 1, 3, 3 * world_size(&recipe));
	image_unpin(&pins[1]);
	assert_balance(&world, 1, 2, 2 * world_size(&recipe));
	assert_true(is_open(pins[0].rendition->segment));
	image_unpin(&pins[0]);
	assert_balance(&world, 1, 1, world_size(&recipe));
	image_unpin(&pins[2]); /* the newest stays */
	assert_balance(&world, 1, 1, world_size(&recipe));
	assert_int_equal(world_segments(&world), 1);
	world_close(&world);
}

static void test_name_taken_over(void **state)
{
	static const struct {
		int share;
		gid_t group;
		bool continues;
	} cases[] = {
		{-1, 50, true},
		{-1, 51, true},
		{SHARE_GROUP, 50, true},
		{SHARE_GROUP, 51, false},
		{SHARE_PRIVATE, 50, false},
		{SHARE_ALL, 50, false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world;
		struct pin pin = {0};
		world_open(&world, NULL);
		struct recipe recipe = {"a", 5, 50, .share = SHARE_GROUP, .state = 1};
		struct rendition *old = world_make(&world, &recipe);
		const struct image *image = old->generation->image;
		image_pin(&pin, old);
		recipe.share = cases[i].share;
		recipe.group = cases[i].group;
		recipe.state = 2;
		const struct image *now = world_make(&world, &recipe)->generation->image;
		assert_int_equal(now == image, cases[i].continues);
		assert_ptr_equal(store_find(&world.engine.store, "a", 5), now);
		assert_true(is_open(old->segment));
		assert_balance(&world, 1, 2, 2 * world_size(&recipe));
		if (now != image) {
			assert_int_not_equal(now->slot, image->slot);
			assert_int_not_equal(now->semaphore.id, image->semaphore.id);
			assert_int_equal(shown(&world, image), 0);
		}
		image_unpin(&pin);
		assert_balance(&world, 1, 1, world_size(&recipe));
		assert_int_equal(world_segments(&world), 1);
		assert_int_equal(count_sets(world.engine.board.header), 1);
		world_close(&world);
	}
}

static void test_drop(void **state)
{
	struct world world;
	struct pin pins[2] = {0};
	(void)state;
	world_open(&world, NULL);
	const struct recipe recipe = {"a", .keep = KEEP_PINNED, .state = 1};
	struct rendition *rendition = world_make(&world, &recipe);
	struct image *image = rendition->generation->image;
	image_pin(&pins[0], rendition);
	image_pin(&pins[1], rendition);
	image_drop(&world.engine.store, image);
	assert_null(store_find(&world.engine.store, "a", 0));
	assert_null(image_current(image));
	assert_int_equal(shown(&world, image), 0);
	assert_true(is_open(rendition->segment));
	assert_balance(&world, 0, 1, world_size(&recipe));
	assert_int_equal(store_pinned_bytes(&world.engine.store), world_size(&recipe));

	const struct image *next = world_make(&world, &recipe)->generation->image;
	assert_int_not_equal(next->slot, image->slot);
	image_unpin(&pins[0]);
	assert_true(is_open(rendition->segment));
	image_unpin(&pins[1]);
	assert_balance(&world, 1, 1, world_size(&recipe));
	assert_int_equal(world_segments(&world), 1);
	world_close(&world);
}

static void test_attached(void **state)
{
	struct world world;
	struct pin pins[2] = {0};
	(void)state;
	world_open(&world, NULL);
	const struct recipe recipe = {"a", .keep = KEEP_ATTACHED, .state = 1};
	struct rendition *rendition = world_make(&world, &recipe);
	assert_balance(&world, 1, 1, world_size(&recipe));
	image_pin(&pins[0], rendition);
	image_pin(&pins[1], rendition);
	image_unpin(&pins[1]);
	assert_balance(&world, 1, 1, world_size(&recipe));
	image_unpin(&pins[0]);
	assert_balance(&world, 0, 0, 0);
	assert_int_equal(world_segments(&world), 0);
	assert_int_equal(count_sets(world.engine.board.header), 0);
	world_close(&world);
}

static void test_attached_by_an_old_generation(void **state)
{
	struct world world;
	struct pin pin = {0};
	(void)state;
	world_open(&world, NULL);
	struct recipe recipe = {"a", .keep = KEEP_ATTACHED, .state = 1};
	image_pin(&pin, world_make(&world, &recipe));
	recipe.state = 2;
	world_make(&world, &recipe);
	image_unpin(&pin);
	assert_balance(&world, 0, 0, 0);
	world_close(&world);
}

/* Which of a, b, c (used in this order) goes to make room for one more. */
static void test_eviction(void **state)
{
	static const struct {
		const char *touch;
		const char *pin;
		const char *keep;
		const char *left;
	} cases[] = {
		{"", "", "", "bcd"},
		{"a", "", "", "acd"},
		{"ab", "", "", "abd"},
		{"cba", "", "", "abd"},
		{"", "a", "", "acd"},
		{"", "ab", "", "abd"},
		{"", "", "a", "acd"},
		{"", "b", "a", "abd"},
		{"c", "b", "", "bcd"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world;
		struct pin pins[3] = {0};
		world_open(&world, NULL);
		struct store *store = &world.engine.store;
		struct recipe recipe = {"a", .state = 1};
		store->memory_max = 3 * world_size(&recipe);
		for (const char *c = "abc"; *c; c++) {
			char name[2] = {*c};
			recipe.name = name;
			recipe.keep = strchr(cases[i].keep, *c) ? KEEP_PINNED : KEEP_CACHE;
			struct rendition *rendition = world_make(&world, &recipe);
			if (strchr(cases[i].pin, *c))
				image_pin(&pins[*c - 'a'], rendition);
		}
		for (const char *c = cases[i].touch; *c; c++)
			image_touch(store_find(store, (char[]){*c, 0}, 0));
		world_make(&world, &(struct recipe){"d", .state = 1});
		for (const char *c = "abcd"; *c; c++)
			assert_int_equal(store_find(store, (char[]){*c, 0}, 0) != NULL,
				strchr(cases[i].left, *c) != NULL);
		assert_int_equal(world.engine.eviction.count, 1);
		assert_balance(&world, 3, 3, store->memory_max);
		for (const char *c = cases[i].pin; *c; c++)
			image_unpin(&pins[*c - 'a']);
		world_close(&world);
	}
}

static void test_no_room(void **state)
{
	struct world world;
	struct pin pin = {0};
	struct charge charge = {0}, none = {0};
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	struct recipe recipe = {"a", .state = 1};
	uint64_t size = world_size(&recipe);
	store->memory_max = 2 * size;
	image_pin(&pin, world_make(&world, &recipe));
	recipe.name = "b";
	world_make(&world, &recipe);
	assert_int_equal(store_reserve(store, &none, 7, 2 * size), -ENOSPC);
	assert_int_equal(store_reserve(store, &none, 7, 2 * size + 1), -ENOSPC);
	assert_int_equal(store_reserve(store, &none, 7, UINT64_MAX), -ENOSPC);
	assert_balance(&world, 2, 2, 2 * size); /* nobody was evicted for these */
	assert_int_equal(world.engine.eviction.count, 0);
	assert_int_equal(store_pinned_bytes(store), size);

	assert_int_equal(store_reserve(store, &charge, 7, size), 0); /* b goes, but not yet */
	assert_balance(&world, 2, 2, 2 * size);
	assert_int_equal(store->reserved, size);
	assert_int_equal(store_reserve(store, &none, 7, 1), -ENOSPC);
	store_cancel(store, &charge);
	assert_int_equal(store->reserved, 0);
	image_unpin(&pin);
	assert_int_equal(store_reserve(store, &charge, 7, 2 * size), 0); /* a would go, too */
	store_cancel(store, &charge);
	store_cancel(store, &charge); /* does no harm */
	assert_balance(&world, 2, 2, 2 * size);
	image_drop(store, store_find(store, "a", 0));
	image_drop(store, store_find(store, "b", 0));
	assert_int_equal(world_segments(&world), 0);
	world_close(&world);
}

static void test_incomplete_segment(void **state)
{
	struct world world;
	struct rendition *rendition;
	(void)state;
	world_open(&world, NULL);
	struct recipe recipe = {"a", .state = 1, .holes = true};
	assert_int_equal(world_publish(&world, &recipe, &rendition), -EBADMSG);
	assert_balance(&world, 0, 0, 0);
	assert_int_equal(world_segments(&world), 0);
	assert_int_equal(count_sets(world.engine.board.header), 0);
	recipe.holes = false;
	const struct generation *generation = world_make(&world, &recipe)->generation;
	recipe.holes = true;
	recipe.state = 2;
	assert_int_equal(world_publish(&world, &recipe, &rendition), -EBADMSG);
	assert_ptr_equal(image_current(generation->image), generation);
	assert_int_equal(shown(&world, generation->image), generation->number);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_image),
		cmocka_unit_test(test_defaults_of_share_and_keep),
		cmocka_unit_test(test_renditions),
		cmocka_unit_test(test_new_generation),
		cmocka_unit_test(test_generations_go_one_by_one),
		cmocka_unit_test(test_name_taken_over),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_attached),
		cmocka_unit_test(test_attached_by_an_old_generation),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_incomplete_segment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
