/*
 * Tests of what users hold and may hold: the charges themselves, and that a request over a
 * limit says so, charges nothing and disturbs nobody else.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"

enum { ANNA = 1000001, BERT = 1000002, CARL = 1000003 };

static uint64_t used(const struct world *world, uid_t uid, enum resource resource)
{
	return accounts_used(&world->engine.accounts, uid, resource);
}

static void assert_used(const struct world *world, uid_t uid, uint64_t connections, uint64_t images,
	uint64_t bytes, uint64_t loads, uint64_t pins)
{
	const uint64_t expected[] = {connections, images, bytes, loads, pins, 0};
	assert_in_range(used(world, uid, RESOURCE_SETS), 0, images); /* a dropped image has none */
	for (int i = 0; i < (int)COUNT(expected); i++) {
		if (used(world, uid, (enum resource)i) != expected[i])
			fail_msg("%s: %d instead of %d", resource_to_string((enum resource)i),
				(int)used(world, uid, (enum resource)i), (int)expected[i]);
	}
}

static void test_charges(void **state)
{
	const uint64_t limits[RESOURCE_COUNT] = {2, 3, UINT64_MAX, 1, 0};
	struct accounts accounts;
	struct charge a = {0}, b = {0}, c = {0};
	(void)state;
	accounts_init(&accounts, limits);
	assert_int_equal(accounts_charge(&accounts, &a, 5, RESOURCE_IMAGES, 2), 0);
	assert_int_equal(accounts_charge(&accounts, &b, 5, RESOURCE_IMAGES, 2), -EDQUOT);
	assert_null(b.account);
	assert_int_equal(accounts_charge(&accounts, &b, 6, RESOURCE_IMAGES, 3), 0);
	assert_int_equal(accounts.count, 2);
	assert_int_equal(accounts_used(&accounts, 5, RESOURCE_IMAGES), 2);
	assert_int_equal(accounts_used(&accounts, 6, RESOURCE_IMAGES), 3);
	assert_int_equal(accounts_used(&accounts, 7, RESOURCE_IMAGES), 0);
	assert_true(accounts_allow(&accounts, 5, RESOURCE_IMAGES, 1));
	assert_false(accounts_allow(&accounts, 5, RESOURCE_IMAGES, 2));
	assert_false(accounts_allow(&accounts, 5, RESOURCE_IMAGES, UINT64_MAX));
	assert_false(accounts_allow(&accounts, 5, RESOURCE_PINS, 1));
	assert_int_equal(accounts_charge_beyond(&accounts, &c, 5, RESOURCE_IMAGES, 9), 0);
	assert_false(accounts_allow(&accounts, 5, RESOURCE_IMAGES, 1));
	struct charge moved = charge_take(&a);
	charge_refund(&a); /* it has moved on */
	assert_int_equal(accounts_used(&accounts, 5, RESOURCE_IMAGES), 11);
	charge_refund(&moved);
	charge_refund(&moved);
	charge_refund(&c);
	assert_int_equal(accounts.count, 1);
	charge_refund(&b);
	accounts_destroy(&accounts);
}

/* A charge that grows and shrinks, and one that another user takes over. */
static void test_changed_charges(void **state)
{
	const uint64_t limits[RESOURCE_COUNT] = {[RESOURCE_DESCRIPTORS] = 3, [RESOURCE_IMAGES] = 9};
	struct accounts accounts;
	struct charge charge = {0}, other = {0};
	(void)state;
	accounts_init(&accounts, limits);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(
			accounts_charge_more(&accounts, &charge, 5, RESOURCE_DESCRIPTORS, 1), 0);
		assert_int_equal(charge.amount, i);
	}
	assert_int_equal(
		accounts_charge_more(&accounts, &charge, 5, RESOURCE_DESCRIPTORS, 1), -EDQUOT);
	assert_int_equal(
		accounts_charge_more(&accounts, &other, 5, RESOURCE_DESCRIPTORS, 1), -EDQUOT);
	charge_reduce(&charge, 1);
	assert_int_equal(accounts_used(&accounts, 5, RESOURCE_DESCRIPTORS), 1);
	assert_int_equal(accounts_charge(&accounts, &other, 6, RESOURCE_IMAGES, 4), 0);
	assert_int_equal(accounts.owner_count, 1);
	charge_move(&other, charge.account);
	assert_int_equal(accounts_used(&accounts, 5, RESOURCE_IMAGES), 4);
	assert_int_equal(accounts.count, 1); /* user 6 has nothing any more */
	assert_int_equal(accounts.owner_count, 1);
	charge_reduce(&charge, 0);
	charge_refund(&other);
	assert_null(charge.account);
	accounts_destroy(&accounts);
}

/* An account goes with the last thing of its user, in whichever order that is. */
static void test_many_users(void **state)
{
	enum { USERS = 50 };
	static struct charge charges[USERS][RESOURCE_COUNT];
	uint64_t limits[RESOURCE_COUNT];
	struct accounts accounts;
	(void)state;
	for (int k = 0; k < RESOURCE_COUNT; k++)
		limits[k] = 1;
	accounts_init(&accounts, limits);
	for (unsigned i = 0; i < USERS; i++) {
		for (int k = 0; k < RESOURCE_COUNT; k++)
			assert_int_equal(accounts_charge(&accounts, &charges[i][k], i * 7 % USERS,
						 (enum resource)k, 1),
				0);
	}
	assert_int_equal(accounts.count, USERS);
	for (unsigned k = 0; k < RESOURCE_COUNT; k++) {
		assert_int_equal(accounts.count, USERS);
		for (unsigned i = 0; i < USERS; i++)
			charge_refund(&charges[i * 11 % USERS][k]);
	}
	accounts_destroy(&accounts);
}

static void test_connections(void **state)
{
	struct world world;
	struct session *sessions[40] = {0}, *more = NULL;
	const uid_t trusted[] = {0, geteuid()};
	(void)state;
	world_open(&world, NULL);
	world.options.user_limits[RESOURCE_CONNECTIONS] = 2;
	sessions[0] = world_session(&world, ANNA, 1);
	sessions[1] = world_session(&world, ANNA, 1);
	struct credentials who = {.uid = ANNA};
	assert_int_equal(session_open(&more, &world.engine, &who), -EDQUOT);
	assert_null(more);
	assert_int_equal(who.uid, ANNA); /* still the caller's */
	assert_int_equal(world.engine.counters.connections, 2);
	session_close(world_session(&world, BERT, 1));
	session_close(sessions[0]);
	session_close(world_session(&world, ANNA, 1));
	session_close(sessions[1]);
	for (size_t i = 0; i < COUNT(trusted); i++) {
		for (int k = 0; k < 32; k++)
			sessions[k] = world_session(&world, trusted[i], 1);
		who = (struct credentials){.uid = trusted[i]};
		assert_int_equal(session_open(&more, &world.engine, &who), -EDQUOT);
		for (int k = 0; k < 32; k++)
			session_close(sessions[k]);
	}
	world_close(&world);
}

/* Bytes and images are the owner's while they have a name; pins are whose session it is. */
static void test_who_pays(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, FAKE_DECODER);
	struct session *anna = world_session(&world, ANNA, 1);
	struct session *bert = world_session(&world, BERT, 2);
	world_expect(&world, anna, "LOAD source=fd name=a share=all", world_file("good"), "OK ");
	uint64_t bytes = world.engine.store.bytes;
	assert_true(bytes > 0);
	assert_used(&world, ANNA, 1, 1, bytes, 0, 1);
	assert_used(&world, BERT, 1, 0, 0, 0, 0);
	world_expect(&world, bert, "FETCH name=a owner=any", -1, "OK ");
	world_expect(&world, bert, "FETCH name=a owner=any", -1, "OK "); /* one pin */
	assert_used(&world, BERT, 1, 0, 0, 0, 1);
	world_expect(&world, anna, "DROP name=a", -1, "OK");
	/* Nobody finds it any more, but it takes the room still: the oldest pin is Anna's. */
	assert_used(&world, ANNA, 1, 1, bytes, 0, 1);
	assert_used(&world, BERT, 1, 0, 0, 0, 1);
	world_expect(&world, anna, "RELEASE name=a", -1, "OK");
	assert_used(&world, ANNA, 1, 0, 0, 0, 0);
	assert_used(&world, BERT, 1, 1, bytes, 0, 1);
	session_close(anna);
	session_close(bert);
	assert_int_equal(world.engine.accounts.count, 0);
	world_close(&world);
}

/* Old generations are charged to the user with the oldest pin, then to the next one. */
static void test_who_pays_for_old_generations(void **state)
{
	struct world world;
	struct recipe recipe = {"a", ANNA, .share = SHARE_ALL, .state = 1};
	(void)state;
	world_open(&world, NULL);
	const struct store *store = &world.engine.store;
	uint64_t size = world_size(&recipe);
	struct session *bert = world_session(&world, BERT, 2);
	struct session *second = world_session(&world, BERT, 2);
	struct session *carl = world_session(&world, CARL, 3);
	for (unsigned i = 1; i <= 3; i++) {
		recipe.state = i;
		world_make(&world, &recipe);
		world_expect(&world, bert, "FETCH name=a owner=any", -1, "OK ");
		world_expect(&world, carl, "FETCH name=a owner=any", -1, "OK ");
		world_expect(&world, second, "FETCH name=a owner=any", -1, "OK ");
		assert_used(&world, ANNA, 0, 1, size, 0, 0);
		assert_used(&world, BERT, 2, 0, (i - 1) * size, 0, 2 * i);
	}
	session_close(bert);
	assert_used(&world, BERT, 1, 0, 0, 0, 3);
	assert_used(&world, CARL, 1, 0, 2 * size, 0, 3);
	assert_used(&world, ANNA, 0, 1, size, 0, 0);
	image_drop(&world.engine.store, store_find(&world.engine.store, "a", ANNA));
	assert_used(&world, ANNA, 0, 0, 0, 0, 0);
	assert_used(&world, CARL, 1, 1, 3 * size, 0, 3);
	session_close(carl);
	assert_used(&world, BERT, 1, 1, 3 * size, 0, 3);
	assert_int_equal(store->bytes, 3 * size);
	session_close(second);
	assert_int_equal(world.engine.accounts.count, 0);
	world_close(&world);
}

/* The own limits bound what a user keeps of others' old images, and theirs are not touched. */
static void test_who_keeps_too_much_is_refused(void **state)
{
	struct world world;
	struct recipe recipe = {"a", ANNA, .share = SHARE_ALL, .state = 1};
	(void)state;
	world_open(&world, NULL);
	world.options.user_limits[RESOURCE_BYTES] = 2 * world_size(&recipe);
	struct session *bert = world_session(&world, BERT, 2);
	const struct recipe own = {"own", BERT, .state = 1};
	for (unsigned i = 1; i <= 9; i++) {
		recipe.state = i;
		world_make(&world, &recipe);
		world_expect(&world, bert, "FETCH name=a owner=any", -1,
			i <= 3 ? "OK " : "ERR code=over-quota message=user%201000002%20keeps");
	}
	struct rendition *rendition;
	assert_int_equal(world_publish(&world, &own, &rendition), -EDQUOT);
	world_expect(&world, bert, "RELEASE name=a owner=any", -1, "OK");
	world_make(&world, &own);
	world_expect(&world, bert, "FETCH name=a owner=any", -1, "OK ");
	session_close(bert);
	world_close(&world);
}

static void test_pins(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	uid_t own = geteuid();
	world.options.user_limits[RESOURCE_PINS] = 1;
	struct session *other = world_session(&world, own, 1);
	int a = world_file("good");
	world_expect(&world, session, "LOAD source=fd name=a", dup(a), "OK ");
	world_expect(&world, session, "FETCH name=a", -1, "OK ");
	world_expect(&world, other, "FETCH name=a", -1, "ERR code=over-quota ");
	world_expect(&world, session, "FETCH name=a fd=yes", -1, "OK ");
	world_expect(&world, other, "FETCH name=a fd=yes", -1, "ERR code=over-quota ");
	/* Cached or not, a refused load changes nothing. */
	world_expect(
		&world, other, "LOAD source=fd name=a keep=pinned", dup(a), "ERR code=over-quota ");
	assert_int_equal(store_find(&world.engine.store, "a", own)->keep, KEEP_CACHE);
	uint64_t decodes = world.engine.counters.decodes;
	world_expect(&world, other, "LOAD source=fd name=b", dup(a), "ERR code=over-quota ");
	assert_int_equal(world.engine.counters.decodes, decodes);
	world_expect(&world, other, "LOAD source=fd name=b pin=no", dup(a), "OK ");
	assert_int_equal(used(&world, own, RESOURCE_PINS), 1);
	assert_int_equal(used(&world, own, RESOURCE_LOADS), 0);
	world_expect(&world, session, "RELEASE name=a", -1, "OK");
	world_expect(&world, other, "FETCH name=a", -1, "OK ");
	session_close(other);
	close(a);
	world_end(&world, session);
}

/* What a load may pin in the end, it has while it is under way. */
static void test_pins_of_loads_under_way(void **state)
{
	static struct answer answer;
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	world.options.user_limits[RESOURCE_PINS] = 1;
	world_load(&world, session, "a", "good", "OK ");
	world_expect(&world, session, "RELEASE name=a", -1, "OK");
	world_call(session, &answer, "LOAD source=fd name=b", world_file("good"));
	world_expect(&world, session, "FETCH name=a", -1, "ERR code=over-quota ");
	world_wait(&world, &answer);
	assert_memory_equal(answer.data, "OK ", 3);
	assert_int_equal(used(&world, geteuid(), RESOURCE_PINS), 1);
	world_end(&world, session);
}

static void test_loads(void **state)
{
	static struct answer answers[3];
	struct world world;
	struct request request = {.command = COMMAND_LOAD, .values = {[KEY_NAME] = "x"}};
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	struct session *other = world_session(&world, geteuid(), getegid());
	struct session *bert = world_session(&world, BERT, 1);
	world.options.user_limits[RESOURCE_LOADS] = 2;
	int file = world_file("late-hang");
	world_call(session, &answers[0], "LOAD source=fd name=a", dup(file));
	assert_false(dispatch_must_wait(session, &request));
	world_call(session, &answers[1], "LOAD source=fd name=a", dup(file)); /* counts, too */
	assert_true(dispatch_must_wait(session, &request));
	assert_false(dispatch_must_wait(other, &request));
	assert_int_equal(world.engine.loader.count, 1);
	world_expect(&world, other, "LOAD source=fd name=b", dup(file), "ERR code=over-quota ");
	assert_int_equal(world.engine.loader.count, 1);
	assert_int_equal(used(&world, geteuid(), RESOURCE_LOADS), 2);
	assert_int_equal(used(&world, geteuid(), RESOURCE_PINS), 2);
	assert_int_equal(
		world_call(bert, &answers[2], "LOAD source=fd name=b", dup(file)), OUTCOME_LATER);
	session_close(bert);
	session_close(session);
	assert_int_equal(used(&world, geteuid(), RESOURCE_LOADS), 0);
	assert_int_equal(used(&world, geteuid(), RESOURCE_BYTES), 0);
	assert_int_equal(
		world_call(other, &answers[0], "LOAD source=fd name=b", dup(file)), OUTCOME_LATER);
	close(file);
	world_end(&world, other);
}

/* One's own cached images make way, the least recently used first; pinned ones do not. */
static void test_images(void **state)
{
	struct world world;
	struct rendition *rendition;
	struct pin pin = {0};
	(void)state;
	world_open(&world, NULL);
	world.options.user_limits[RESOURCE_IMAGES] = 2;
	struct store *store = &world.engine.store;
	world_make(&world, &(struct recipe){"z", BERT, .state = 1});
	world_make(&world, &(struct recipe){"a", ANNA, .state = 1});
	world_make(&world, &(struct recipe){"b", ANNA, .keep = KEEP_PINNED, .state = 1});
	world_make(&world, &(struct recipe){"a", ANNA, .state = 2});
	world_make(&world, &(struct recipe){"a", ANNA, .state = 2, .format = FORMAT_GRAY8});
	assert_int_equal(world.engine.eviction.count, 0);
	rendition = world_make(&world, &(struct recipe){"c", ANNA, .state = 1});
	assert_null(store_find(store, "a", ANNA));
	assert_int_equal(world.engine.eviction.count, 1);
	image_pin(&pin, rendition);
	assert_false(publish_allows(store, "d", ANNA));
	assert_true(publish_allows(store, "c", ANNA));
	assert_true(publish_allows(store, "d", BERT));
	const struct recipe refused = {"d", ANNA, .state = 1};
	assert_int_equal(world_publish(&world, &refused, &rendition), -EDQUOT);
	/* Another share makes another image; the pinned one is not gone yet. */
	const struct recipe taken_over = {"c", ANNA, .share = SHARE_ALL, .state = 1};
	assert_int_equal(world_publish(&world, &taken_over, &rendition), -EDQUOT);
	assert_int_equal(used(&world, ANNA, RESOURCE_IMAGES), 2);
	image_unpin(&pin);
	world_make(&world, &taken_over);
	assert_int_equal(used(&world, ANNA, RESOURCE_IMAGES), 2);
	assert_int_equal(world.engine.eviction.count, 1);
	assert_non_null(store_find(store, "z", BERT));
	world_close(&world);
}

/* Whether there may be one more image is asked before others are evicted for its bytes. */
static void test_refused_before_room_is_made(void **state)
{
	struct world world;
	const struct recipe own = {"a", ANNA, .keep = KEEP_PINNED, .state = 1};
	(void)state;
	world_open(&world, FAKE_DECODER);
	struct store *store = &world.engine.store;
	store->memory_max = 2 * world_size(&own);
	world.options.user_limits[RESOURCE_IMAGES] = 1;
	world_make(&world, &own);
	world_make(&world, &(struct recipe){"z", BERT, .state = 1});
	struct session *anna = world_session(&world, ANNA, 1);
	world_load(&world, anna, "b", "good", "ERR code=over-quota ");
	assert_non_null(store_find(store, "z", BERT));
	assert_int_equal(world.engine.eviction.count, 0);
	world_load(&world, anna, "a", "good", "OK "); /* another file for the image that is there */
	assert_non_null(store_find(store, "z", BERT)); /* it took the place of the old one */
	assert_int_equal(world.engine.eviction.count, 0);
	session_close(anna);
	world_close(&world);
}

static void test_bytes(void **state)
{
	struct world world;
	struct rendition *rendition;
	struct recipe recipe = {"a", ANNA, .state = 1};
	(void)state;
	world_open(&world, NULL);
	struct store *store = &world.engine.store;
	uint64_t size = world_size(&recipe);
	world.options.user_limits[RESOURCE_BYTES] = 2 * size;
	world_make(&world, &(struct recipe){"z", BERT, .state = 1});
	world_make(&world, &recipe);
	world_make(&world, &(struct recipe){"b", ANNA, .keep = KEEP_PINNED, .state = 1});
	world_make(&world, &(struct recipe){"c", ANNA, .keep = KEEP_PINNED, .state = 1});
	assert_null(store_find(store, "a", ANNA));
	assert_int_equal(used(&world, ANNA, RESOURCE_BYTES), 2 * size);
	assert_int_equal(world_publish(&world, &recipe, &rendition), -EDQUOT);
	assert_int_equal(world.engine.eviction.count, 1);
	assert_int_equal(store->bytes, 3 * size);
	world_make(&world, &(struct recipe){"y", BERT, .state = 1});
	assert_int_equal(used(&world, BERT, RESOURCE_BYTES), 2 * size);
	world_close(&world);
}

/* Over a limit by a load: which one, how much is used, how much is allowed. */
static void test_messages(void **state)
{
	static struct answer answer;
	static const struct {
		enum resource resource;
		uint64_t limit;
		const char *text;
	} cases[] = {
		{RESOURCE_IMAGES, 1, "%20has%201%20of%20user-images=1,"},
		{RESOURCE_BYTES, 10000, "%20of%20user-bytes=10000,"},
		{RESOURCE_LOADS, 0, "%20has%200%20of%20user-loads=0,"},
		{RESOURCE_PINS, 1, "%20has%201%20of%20user-pins=1,"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world;
		struct session *session = world_begin(&world, FAKE_DECODER);
		world_expect(&world, session, "LOAD source=fd name=a keep=pinned",
			world_file("good"), "OK ");
		const struct store *store = &world.engine.store;
		uint64_t bytes = store->bytes;
		world.options.user_limits[cases[i].resource] = cases[i].limit;
		if (world_call(session, &answer, "LOAD source=fd name=b", world_file("good")) ==
			OUTCOME_LATER)
			world_wait(&world, &answer);
		assert_memory_equal(answer.data, "ERR code=over-quota limit=user-", 31);
		if (!strstr(answer.data, cases[i].text))
			fail_msg("%s", answer.data);
		assert_int_equal(store->bytes, bytes);
		assert_int_equal(world.engine.eviction.count, 0);
		assert_used(&world, geteuid(), 1, 1, bytes, 0, 1);
		world_end(&world, session);
	}
}

/* However a load ends, what it cost is refunded. */
static void test_failed_loads(void **state)
{
	static const char *const words[] = {
		"early-error", "early-exit", "late-exit", "late-hang", "width-huge", "late-error"};
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct world world;
		struct session *session = world_begin(&world, FAKE_DECODER);
		world_load(&world, session, "a", words[i], "ERR code=");
		assert_used(&world, geteuid(), 1, 0, 0, 0, 0);
		world_end(&world, session);
	}
}

static void test_stats(void **state)
{
	struct world world;
	static struct answer answer;
	(void)state;
	struct session *session = world_begin(&world, NULL);
	struct session *bert = world_session(&world, BERT, 1);
	world_make(&world, &(struct recipe){"a", BERT, .state = 1});
	world_expect(&world, bert, "FETCH name=a", -1, "OK ");
	world_call(bert, &answer, "STATS", -1);
	assert_non_null(
		strstr(answer.data, " users=2 user-connections=1 user-images=1 user-bytes="));
	assert_non_null(strstr(answer.data, " user-loads=0 user-pins=1 user-follows=0 user-sets=1 "
					    "user-watches=0 user-descriptors=0\n"));
	world_call(session, &answer, "STATS", -1);
	assert_non_null(strstr(answer.data, " user-images=0 user-bytes=0 user-loads=0 user-pins=0 "
					    "user-follows=0 user-sets=0 user-watches=0 "
					    "user-descriptors=0\n"));
	session_close(bert);
	world_end(&world, session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_charges),
		cmocka_unit_test(test_changed_charges),
		cmocka_unit_test(test_many_users),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_who_pays),
		cmocka_unit_test(test_who_pays_for_old_generations),
		cmocka_unit_test(test_who_keeps_too_much_is_refused),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_pins_of_loads_under_way),
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_refused_before_room_is_made),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_failed_loads),
		cmocka_unit_test(test_stats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
