/*
 * Tests of the pool: the order in which users are served, whatever their number of loads; and how
 * many decoders there are, for whom and for how long.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tests/unit/world.h"

enum { LOADS_MAX = 16 };

struct waiting {
	struct answer answer;
	struct session *session;
	bool counted;
};

/* Waits for the next answer. Returns its user. */
static char next_answered(struct world *world, struct waiting *waiting, const char *users)
{
	for (;;) {
		for (size_t i = 0; users[i]; i++) {
			if (!waiting[i].answer.reply.completed || waiting[i].counted)
				continue;
			waiting[i].counted = true;
			assert_non_null(strstr(waiting[i].answer.data, "cached=no"));
			return users[i];
		}
		assert_true(sd_event_run(world->event, UINT64_MAX) > 0);
	}
}

/* Each letter is a load of a user: in the order of arrival, and in the order of service. */
static void test_turns(void **state)
{
	static const struct {
		const char *come, *served;
	} cases[] = {
		{"aaaa", "aaaa"},
		{"aaaaaaab", "abaaaaaa"},
		{"aaaabbbb", "abababab"},
		{"bbbbaaaa", "abababab"},
		{"aaaaabbc", "abcabaaa"},
		{"cccaab", "abcacc"},
	};
	static struct waiting waiting[LOADS_MAX];
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world world;
		const char *come = cases[i].come;
		struct session *own = world_begin(&world, FAKE_DECODER);
		memset(waiting, 0, sizeof(waiting));
		for (size_t k = 0; come[k]; k++) {
			char line[] = "LOAD source=fd name=?";
			line[sizeof(line) - 2] = (char)('A' + k);
			waiting[k].session = world_session(&world, (uid_t)come[k], 1);
			assert_int_equal(world_call(waiting[k].session, &waiting[k].answer, line,
						 world_file("good")),
				OUTCOME_LATER);
		}
		for (const char *c = cases[i].served; *c; c++)
			assert_int_equal(next_answered(&world, waiting, come), *c);
		for (size_t k = 0; come[k]; k++)
			session_close(waiting[k].session);
		world_end(&world, own);
	}
}

/* A user who comes while another is served is next; no user is served twice before all others. */
static void test_latecomer(void **state)
{
	static struct waiting waiting[LOADS_MAX];
	struct world world;
	(void)state;
	struct session *own = world_begin(&world, FAKE_DECODER);
	struct session *many = world_session(&world, 7, 7), *few = world_session(&world, 3, 3);
	memset(waiting, 0, sizeof(waiting));
	for (int k = 0; k < 6; k++) {
		char line[] = "LOAD source=fd name=?";
		line[sizeof(line) - 2] = (char)('A' + k);
		world_call(many, &waiting[k].answer, line, world_file("good"));
	}
	assert_int_equal(next_answered(&world, waiting, "mmmmmmf"), 'm');
	for (int k = 0; k < 2; k++) {
		/* One after the other: the first user still has a turn between them. */
		memset(&waiting[6], 0, sizeof(waiting[6]));
		world_call(few, &waiting[6].answer,
			k ? "LOAD source=fd name=y" : "LOAD source=fd name=x", world_file("good"));
		unsigned others = 0;
		while (next_answered(&world, waiting, "mmmmmmf") != 'f')
			others++;
		assert_in_range(others, k, 1); /* the running one, and at most one turn */
	}
	session_close(many);
	session_close(few);
	world_end(&world, own);
}

static unsigned looks;

static bool is_not_ready(const struct job *job)
{
	(void)job;
	looks++;
	return false;
}

/* Looks at all jobs once, but not in one turn; and again when something has changed meanwhile. */
static void test_many_that_are_not_ready(void **state)
{
	enum { JOBS = 5000, USERS = 50, LOOKS_MAX = 256 };
	static const struct job_events events = {.ready = is_not_ready};
	static struct job jobs[JOBS];
	const struct options options = {.decoders = 2, .user_decoders = 1};
	struct pool pool;
	sd_event *event;
	(void)state;
	assert_return_code(sd_event_new(&event), errno);
	assert_int_equal(pool_init(&pool, event, FAKE_DECODER, &options, NULL), 0);
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i] = (struct job){.events = &events, .uid = i % USERS};
		pool_submit(&pool, &jobs[i]);
	}
	for (unsigned times = 1; times <= 3; times++) {
		looks = 0;
		pool_kick(&pool);
		unsigned turns = 0, before = 0;
		while (sd_event_run(event, 0) > 0) {
			assert_in_range(looks - before, 0, LOOKS_MAX);
			before = looks;
			if (++turns == 2 && times > 1)
				pool_kick(&pool);
		}
		assert_int_equal(looks, (times > 1 ? 2 : 1) * JOBS);
	}
	for (unsigned i = 0; i < JOBS; i++)
		pool_cancel(&pool, &jobs[i]);
	pool_stop(&pool);
	sd_event_unref(event);
}

/* Gets the pids of a user's decoders, in the order of the pool. */
static unsigned decoders_of(const struct world *world, uid_t uid, pid_t *pids, unsigned most)
{
	unsigned count = 0;
	const struct worker *worker;
	LIST_FOREACH (worker, &world->engine.pool.workers, link) {
		if (worker->uid == uid && worker->state != WORKER_ENDING && count < most)
			pids[count++] = worker->pid;
	}
	return count;
}

/* Runs the loop until there are so many processes, or fails. */
static void await_count(struct world *world, unsigned count)
{
	while (world->engine.pool.count != count)
		assert_true(sd_event_run(world->event, UINT64_C(20000000)) > 0);
}

/* An idle decoder decodes the next file of its user, or ends after the idle time. */
static void test_idle_ones_retire(void **state)
{
	struct world world;
	pid_t first, second;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	world.options.decoder_idle = 1;
	world_load(&world, session, "a", "good", "OK name=a ");
	assert_int_equal(decoders_of(&world, geteuid(), &first, 1), 1);
	world_load(&world, session, "b", "good", "OK name=b ");
	assert_int_equal(decoders_of(&world, geteuid(), &second, 1), 1);
	assert_int_equal(first, second);
	await_count(&world, 0);
	assert_int_equal(world.engine.pool.restarts, 0);
	world_load(&world, session, "c", "good", "OK name=c ");
	assert_int_equal(decoders_of(&world, geteuid(), &second, 1), 1);
	assert_int_not_equal(first, second);
	world_end(&world, session);
}

/* A decoder whose image was refused is idle, too. */
static void test_refused_ones_retire(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	world.options.decoder_idle = 1;
	world_load(&world, session, "a", "early-error", "ERR code=not-an-image ");
	await_count(&world, 0);
	world_load(&world, session, "a", "width-huge", "ERR code=too-large ");
	await_count(&world, 0);
	assert_int_equal(world.engine.pool.restarts, 0);
	world_end(&world, session);
}

/* A user never has more decoders than the options allow, nor do all users together. */
static void test_never_more(void **state)
{
	enum { LOADS = 12, USERS = 3 };
	static struct waiting waiting[USERS * LOADS];
	static const char letters[] = "abc";
	struct session *sessions[USERS];
	struct world world;
	unsigned most = 0, most_of_one = 0, completed = 0;
	pid_t pids[8];
	(void)state;
	struct session *own = world_begin(&world, FAKE_DECODER);
	world.options.decoders = 4;
	world.options.user_decoders = 2;
	memset(waiting, 0, sizeof(waiting));
	for (unsigned i = 0; i < USERS * LOADS; i++) {
		char line[] = "LOAD source=fd name=??";
		unsigned user = i / LOADS;
		if (i % LOADS == 0)
			sessions[user] = world_session(&world, (uid_t)letters[user], 1);
		line[sizeof(line) - 3] = letters[user];
		line[sizeof(line) - 2] = (char)('A' + i % LOADS);
		world_call(sessions[user], &waiting[i].answer, line, world_file("good"));
	}
	while (completed < USERS * LOADS) {
		assert_true(sd_event_run(world.event, UINT64_C(20000000)) > 0);
		most = world.engine.pool.count > most ? world.engine.pool.count : most;
		for (unsigned user = 0; user < USERS; user++) {
			unsigned count = decoders_of(&world, (uid_t)letters[user], pids, 8);
			most_of_one = count > most_of_one ? count : most_of_one;
		}
		completed = 0;
		for (unsigned i = 0; i < USERS * LOADS; i++)
			completed += waiting[i].answer.reply.completed;
	}
	assert_int_equal(most, 4);
	assert_int_equal(most_of_one, 2);
	for (unsigned user = 0; user < USERS; user++)
		session_close(sessions[user]);
	world_end(&world, own);
}

/* A decoder that has read a file of a user never gets one of another user. */
static void test_one_user_each(void **state)
{
	struct world world;
	pid_t pids[2][8];
	(void)state;
	struct session *own = world_begin(&world, FAKE_DECODER);
	struct session *sessions[] = {world_session(&world, 1, 1), world_session(&world, 2, 2)};
	for (unsigned round = 0; round < 4; round++) {
		unsigned user = round % 2;
		unsigned before = decoders_of(&world, 2 - user, pids[1 - user], 8);
		world_load(&world, sessions[user], "a", "good", "OK name=a ");
		assert_int_equal(decoders_of(&world, 1 + user, pids[user], 8), 1);
		for (unsigned i = 0; i < before; i++)
			assert_int_not_equal(pids[1 - user][i], pids[user][0]);
	}
	session_close(sessions[0]);
	session_close(sessions[1]);
	world_end(&world, own);
}

/* A decoder that ends before it receives its next job does not fail this job. */
static void test_unread_job(void **state)
{
	struct world world;
	pid_t first, second;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	world_load(&world, session, "a", "after-unread", "OK name=a ");
	assert_int_equal(decoders_of(&world, geteuid(), &first, 1), 1);
	world_load(&world, session, "b", "good", "OK name=b ");
	assert_int_equal(decoders_of(&world, geteuid(), &second, 1), 1);
	assert_int_not_equal(first, second);
	assert_int_equal(world.engine.pool.restarts, 0);
	world_end(&world, session);
}

/* A decoder that ends before it receives the segment fails its job, and the message says why. */
static void test_unread_segment(void **state)
{
	struct world world;
	(void)state;
	struct session *session = world_begin(&world, FAKE_DECODER);
	for (int i = 0; i < 2; i++) {
		world_load(&world, session, "a", "sent-unread",
			"ERR code=decoder-failed "
			"message=the%20decoder%20was%20ended%20by%20signal%209%20(SIGKILL)");
		world_load(&world, session, "b", "good", "OK name=b ");
	}
	assert_int_equal(world.engine.pool.restarts, 2);
	world_end(&world, session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_latecomer),
		cmocka_unit_test(test_many_that_are_not_ready),
		cmocka_unit_test(test_idle_ones_retire),
		cmocka_unit_test(test_refused_ones_retire),
		cmocka_unit_test(test_never_more),
		cmocka_unit_test(test_one_user_each),
		cmocka_unit_test(test_unread_job),
		cmocka_unit_test(test_unread_segment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
