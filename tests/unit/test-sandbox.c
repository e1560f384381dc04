/*
 * The sandbox of the decoder: what it reports, what it forbids, and that no decoder serves without
 * it.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

#include "daemon/decoder/seccomp.h"
#include "tests/unit/decoder-harness.h"
#include "tests/unit/forbidden.h"
#include "tests/unit/unit.h"

#ifdef SANITIZERS
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

enum { SEGMENT_SIZE = 1 << 20, END_UNCONFINED = 2 };

/* gcov writes files at the end, a sanitizer reads some. */
static bool landlock_is_due(void)
{
#if defined(SYS_landlock_create_ruleset) && !defined(SANITIZERS) && !defined(COVERAGE)
	return syscall(SYS_landlock_create_ruleset, NULL, 0UL, 1UL) >= 1;
#else
	return false;
#endif
}

static void says_what_is_in_force(void **state)
{
	struct decoder decoder;
	uint32_t expected = JOB_SANDBOX_NO_NEW_PRIVS | JOB_SANDBOX_LIMITS;
	(void)state;
#ifdef HAVE_SECCOMP
	expected |= JOB_SANDBOX_SECCOMP;
#endif
	if (landlock_is_due())
		expected |= JOB_SANDBOX_LANDLOCK;
	decoder_start(&decoder);
	assert_int_equal(decoder.sandbox, expected);
	assert_int_equal(getsid(decoder.pid), decoder.pid);
	assert_int_equal(decoder_stop(&decoder), 0);
}

static rlim_t limit_of(pid_t pid, int resource)
{
	struct rlimit limit;
	assert_int_equal(prlimit(pid, (__rlimit_resource_t)resource, NULL, &limit), 0);
	assert_true(limit.rlim_cur == limit.rlim_max);
	return limit.rlim_max;
}

static void limits_are_low(void **state)
{
	struct decoder decoder;
	(void)state;
	decoder_start(&decoder);
	assert_int_equal(limit_of(decoder.pid, RLIMIT_CORE), 0);
	assert_int_equal(limit_of(decoder.pid, RLIMIT_MEMLOCK), 0);
	assert_in_range(limit_of(decoder.pid, RLIMIT_NOFILE), 5, 16);
	if (!sanitized) {
		assert_int_equal(limit_of(decoder.pid, RLIMIT_NPROC), 0);
		assert_in_range(limit_of(decoder.pid, RLIMIT_AS), 1 << 30, 1L << 45);
	}
	assert_int_equal(decoder_stop(&decoder), 0);
}

/* Lets a decoder try a row of forbidden.h. Returns as decoder_wait(). */
static int attempt(uint32_t number)
{
	struct decoder decoder;
	const struct job_segment plan = {.kind = JOB_SEGMENT, .size = SEGMENT_SIZE};
	decoder_start_program(&decoder, FORBIDDEN_DECODER);
	int input = file_of(&number, sizeof(number));
	int segment = segment_of(SEGMENT_SIZE);
	decoder_send(&decoder, JOB_DECODE, input);
	decoder_send_segment(&decoder, &plan, segment);
	close(input);
	close(segment);
	return decoder_wait(&decoder);
}

#ifdef HAVE_SECCOMP
/* What the thread that writes to the segment must not do, beside all that is in forbidden.h. */
static const struct {
	const char *word;
	long number;
	long arguments[4];
} writer_calls[] = {
	{"read a file", SYS_pread64, {0, 0, 0, 0}},
	{"read a file by several buffers", SYS_preadv, {0, 0, 0, 0}},
	{"send", SYS_sendto, {JOB_CHANNEL, 0, 0, 0}},
	{"send by sendmsg", SYS_sendmsg, {JOB_CHANNEL, 0, 0, 0}},
	{"receive", SYS_recvmsg, {JOB_CHANNEL, 0, 0, 0}},
	{"reserve", SYS_fallocate, {1, 0, 0, 4096}},
	{"write elsewhere", SYS_pwrite64, {0, 0, 0, 0}},
	{"close", SYS_close, {0, 0, 0, 0}},
};

static int confined_writer(size_t call)
{
	pid_t pid = fork();
	int status;
	if (pid == 0) {
		int file = file_of("a", 1);
		if (dup2(file, 1) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0 ||
			seccomp_filter_install_writer() != 1 || pwrite(1, "b", 1, 0) != 1)
			_exit(1);
		const long *a = call < COUNT(writer_calls) ? writer_calls[call].arguments : NULL;
		if (a)
			syscall(writer_calls[call].number, a[0], a[1], a[2], a[3], 0L, 0L);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void writer_only_writes(void **state)
{
	(void)state;
	assert_int_equal(confined_writer(COUNT(writer_calls)), 0);
	for (size_t i = 0; i < COUNT(writer_calls); i++) {
		print_message("%s\n", writer_calls[i].word);
		assert_int_equal(confined_writer(i), -SIGSYS);
	}
}
#endif

static void the_usual_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(attempt(ATTEMPT_NOTHING), 0);
}

#ifdef HAVE_SECCOMP
static void all_else_is_forbidden(void **state)
{
	(void)state;
	int inherited = file_of("secret", 6);
	assert_int_equal(dup2(inherited, INHERITED), INHERITED);
	for (uint32_t i = 0; i < ATTEMPTS; i++) {
		if (sanitized && attempts[i].when == UNLESS_SANITIZED)
			continue;
		int expected = attempts[i].error ? attempts[i].error : -SIGSYS;
		int status = attempt(i);
		if (status != expected)
			fail_msg("%s: ended with %d, not %d", attempts[i].word, status, expected);
	}
	close(inherited);
	close(INHERITED);
}

/* From here on this process and its children cannot install a filter. */
static bool refuse_filters(void)
{
	const struct scmp_arg_cmp mode = {0, SCMP_CMP_EQ, PR_SET_SECCOMP, 0};
	const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool done = filter &&
		    seccomp_rule_add_array(filter, refuse, SCMP_SYS(seccomp), 0, NULL) == 0 &&
		    seccomp_rule_add_array(filter, refuse, SCMP_SYS(prctl), 1, &mode) == 0 &&
		    seccomp_load(filter) == 0;
	seccomp_release(filter);
	return done;
}

/* Runs a decoder that cannot install a filter. Returns its exit status. */
static int start_without_filter(void)
{
	struct decoder decoder;
	if (!refuse_filters())
		return 100;
	decoder_launch(&decoder, DECODER_PROGRAM);
	return decoder_wait(&decoder);
}

static void unconfined_it_does_not_serve(void **state)
{
	char text[256] = "";
	int ends[2], status;
	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[1]);
		_exit(start_without_filter());
	}
	close(ends[1]);
	assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), END_UNCONFINED);
	assert_non_null(strstr(text, "shmimg-decoder: cannot filter system calls: "));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_is_in_force),
		cmocka_unit_test(limits_are_low),
		cmocka_unit_test(the_usual_is_allowed),
#ifdef HAVE_SECCOMP
		cmocka_unit_test(all_else_is_forbidden),
		cmocka_unit_test(writer_only_writes),
		cmocka_unit_test(unconfined_it_does_not_serve),
#endif
	};
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
