/*
 * A decoder for tests of the sandbox: confined as the real one, then does what the number in
 * a job's file says, a row of forbidden.h. Ends with the errno of that, or 0. Decodes nothing.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/protocol/format.h"
#include "daemon/decoder/sandbox.h"
#include "daemon/job/channel.h"
#include "tests/unit/forbidden.h"

enum { STATUS_BROKEN = 250 };

static pid_t parent; /* asked for while that is allowed */
static char zeros[4096];
static void *page;

/* Receives a packet with a descriptor. */
static int receive(uint32_t kind, union job_packet *packet)
{
	int fd;
	if (channel_receive_from_daemon(JOB_CHANNEL, packet, &fd) != 1 || packet->kind != kind)
		_exit(STATUS_BROKEN);
	return fd;
}

static long resolve(long argument, int input, int segment)
{
	switch (argument) {
	case INPUT:
		return input;
	case SEGMENT:
		return segment;
	case PARENT:
		return parent;
	case PAGE:
		return (long)page;
	case ZEROS:
		return (long)zeros;
	default:
		return argument;
	}
}

static int try(const struct attempt *attempt, int input, int segment)
{
	long a[6];
	for (int i = 0; i < 6; i++)
		a[i] = resolve(attempt->arguments[i], input, segment);
	long r = syscall(attempt->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return r == -1 ? errno : 0;
}

/* Memory small and large, and the segment reserved and filled. */
static int do_the_usual(int segment, size_t size)
{
	char *memory = NULL;
	for (size_t bytes = 16; bytes <= 64 << 20; bytes *= 2) {
		char *larger = realloc(memory, bytes);
		if (!larger)
			return ENOMEM;
		memory = larger;
		memset(memory + bytes / 2, 1, bytes / 2);
	}
	free(memory);
	if (fallocate(segment, 0, 0, (off_t)size) < 0)
		return errno;
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, segment, 0);
	if (map == MAP_FAILED)
		return errno;
	memset(map, 1, size);
	return munmap(map, size) < 0 || close(segment) < 0 ? errno : 0;
}

/* Gets memory without using it: what there is of it belongs to other tests too. */
static int eat(void)
{
	const size_t part = (size_t)1 << 30;
	while (mmap(NULL, part, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0) != MAP_FAILED) {
	}
	return errno;
}

static int misbehave(uint32_t number, int segment, off_t size)
{
	const off_t much = 128 << 20;
	volatile uint64_t count = 0;
	union job_packet packet = {.header = {.kind = JOB_HEADER}};
	if (number == ATTEMPT_EAT)
		return eat();
	if (number == ATTEMPT_GROW)
		return fallocate(segment, 0, size, much) < 0 ? errno : 0;
	if (number == ATTEMPT_APPEND)
		return pwrite(segment, "a", 1, size + much) < 0 ? errno : 0;
	if (number == ATTEMPT_CRASH)
		__builtin_trap();
	if (number == ATTEMPT_BABBLE && channel_send(JOB_CHANNEL, &packet, -1) < 0)
		return STATUS_BROKEN;
	for (;;)
		count = count + 1;
}

/* Reserves the segment and says that it is filled. */
static void serve(int segment, size_t size)
{
	const union job_packet done = {.signal = {JOB_DONE}};
	if (fallocate(segment, 0, 0, (off_t)size) < 0 || close(segment) < 0 ||
		channel_send(JOB_CHANNEL, &done, -1) < 0)
		_exit(STATUS_BROKEN);
}

static void do_job(void)
{
	const union job_packet header = {.header = {.kind = JOB_HEADER,
						 .width = 8,
						 .height = 8,
						 .full_width = 8,
						 .full_height = 8,
						 .format = FORMAT_RGBA8,
						 .native = FORMAT_RGBA8,
						 .orientation = 1,
						 .type = "FAKE"}};
	union job_packet packet;
	uint32_t number;
	int input = receive(JOB_DECODE, &packet);
	if (channel_send(JOB_CHANNEL, &header, -1) < 0)
		_exit(STATUS_BROKEN);
	int segment = receive(JOB_SEGMENT, &packet);
	if (pread(input, &number, sizeof(number), 0) != sizeof(number) || number >= ATTEMPTS_END)
		_exit(STATUS_BROKEN);
	if (number < ATTEMPTS)
		_exit(try(&attempts[number], input, segment));
	if (number == ATTEMPT_NOTHING)
		_exit(do_the_usual(segment, packet.segment.size));
	if (number != ATTEMPT_SERVE)
		_exit(misbehave(number, segment, (off_t)packet.segment.size));
	serve(segment, packet.segment.size);
	close(input);
}

/* For tests that are not in C: what each number does, and the errno that it ends with. */
static int list(void)
{
	static const char *const others[] = {
		"nothing", "serve", "eat", "spin", "babble", "crash", "grow", "append"};
	for (size_t i = 0; i < ATTEMPTS; i++)
		printf("%d %d %s\n", attempts[i].when == ALWAYS, attempts[i].error,
			attempts[i].word);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		printf("1 0 %s\n", others[i]);
	return 0;
}

int main(int argc, char **argv)
{
	const char *failed;
	if (argc > 1 && strcmp(argv[1], "--list") == 0)
		return list();
	parent = getppid();
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int own = sandbox_enter(&failed);
	int all = own < 0 ? own : sandbox_seal(&failed);
	int force = all < 0 ? all : own | all;
	union job_packet packet = {.ready = {JOB_READY, (uint32_t)force}};
	if (page == MAP_FAILED || force < 0 || channel_send(JOB_CHANNEL, &packet, -1) < 0)
		_exit(STATUS_BROKEN);
	for (;;)
		do_job();
}
