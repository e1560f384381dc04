/*
 * FETCH over the socket, against a bare server that sends the same bytes.
 */
#include <err.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/echo.h"
#include "tests/bench/peer.h"
#include "tests/bench/picture.h"

enum { BLOCKS = 40, BLOCK = 250, CLIENTS = 64, CONNECTIONS = 10000 };

#define NAME "small"

/* The daemon with one image, and an echo of its answer beside it. */
struct pair {
	struct peer daemon;
	char request[WIRE_LINE_MAX];
	size_t length;
	char echo[128];
	pid_t pid;
};

/*
 * Where the processes run decides what a round trip costs, four times over: so it is said. A
 * machine with one processor has the other one there.
 */
static void pin(pid_t pid, unsigned processor)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(pid, sizeof(set), &set);
}

static void unpin(pid_t pid)
{
	cpu_set_t set;
	memset(&set, 0xff, sizeof(set));
	sched_setaffinity(pid, sizeof(set), &set);
}

/* This process to the first processor, both servers to another, or the same. */
static void place(const struct setting *setting, const struct pair *pair, unsigned processor)
{
	pin(0, 0);
	pin(setting->daemon, processor);
	pin(pair->pid, processor);
}

static void pair_open(struct pair *pair, const struct setting *setting)
{
	int file = picture_open(setting, "small.png");
	peer_open(&pair->daemon, setting->socket, true);
	peer_load(&pair->daemon, NAME, file);
	close(file);
	pair->length = peer_request(pair->request, "FETCH", NAME);
	peer_ask(&pair->daemon, pair->request, pair->length, -1);
	snprintf(pair->echo, sizeof(pair->echo), "%s.echo", setting->socket);
	pair->pid = echo_start(pair->echo, pair->daemon.answer, pair->daemon.length);
}

static void pair_close(struct pair *pair, const struct setting *setting)
{
	unpin(0);
	unpin(setting->daemon);
	peer_ask_name(&pair->daemon, "DROP", NAME);
	peer_close(&pair->daemon);
	echo_stop(pair->pid, pair->echo);
}

/* Microseconds of round trips. */
static void round_trips(
	struct peer *peer, const struct pair *pair, struct sample *sample, int count)
{
	for (int i = 0; i < count; i++) {
		uint64_t began = clock_now();
		peer_ask(peer, pair->request, pair->length, -1);
		sample_add(sample, (double)(clock_now() - began) / 1e3);
	}
}

static void compare(const struct setting *setting, struct result *result, unsigned processor)
{
	struct pair pair;
	struct peer echo;
	pair_open(&pair, setting);
	place(setting, &pair, processor);
	peer_open(&echo, pair.echo, false);
	for (int i = 0; i < times(setting, BLOCKS); i++) {
		round_trips(&pair.daemon, &pair, &result->ours, BLOCK);
		round_trips(&echo, &pair, &result->base, BLOCK);
	}
	peer_close(&echo);
	pair_close(&pair, setting);
}

void row_fetch_one(const struct setting *setting, struct result *result)
{
	compare(setting, result, 0);
}

void row_fetch_across(const struct setting *setting, struct result *result)
{
	compare(setting, result, 1);
}

/* Many clients of one server, each of which asks again when it has its answer. */
struct crowd {
	int queue;
	struct peer peers[CLIENTS];
};

static void crowd_open(struct crowd *crowd, const char *path, bool greet)
{
	crowd->queue = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < CLIENTS; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &crowd->peers[i]};
		peer_open(&crowd->peers[i], path, greet);
		if (epoll_ctl(crowd->queue, EPOLL_CTL_ADD, crowd->peers[i].fd, &event) < 0)
			err(1, "epoll_ctl");
	}
}

static void crowd_close(struct crowd *crowd)
{
	for (int i = 0; i < CLIENTS; i++)
		peer_close(&crowd->peers[i]);
	close(crowd->queue);
}

/* Answers a second, in thousands. */
static double crowd_rate(struct crowd *crowd, const struct pair *pair)
{
	const uint64_t began = clock_now(), length = 300000000;
	struct epoll_event events[CLIENTS];
	int open = CLIENTS;
	unsigned long count = 0;
	for (int i = 0; i < CLIENTS; i++)
		peer_send(&crowd->peers[i], pair->request, pair->length, -1);
	while (open > 0) {
		int ready = epoll_wait(crowd->queue, events, CLIENTS, -1);
		bool more = clock_now() - began < length;
		for (int i = 0; i < ready; i++) {
			peer_receive(events[i].data.ptr);
			count++;
			if (more)
				peer_send(events[i].data.ptr, pair->request, pair->length, -1);
			else
				open--;
		}
	}
	return (double)count * 1e6 / (double)(clock_now() - began);
}

void row_fetch_many(const struct setting *setting, struct result *result)
{
	static struct crowd ours, base;
	struct pair pair;
	pair_open(&pair, setting);
	place(setting, &pair, 1);
	crowd_open(&ours, setting->socket, true);
	crowd_open(&base, pair.echo, false);
	for (int i = 0; i < times(setting, 9); i++) {
		sample_add(&result->ours, crowd_rate(&ours, &pair));
		sample_add(&result->base, crowd_rate(&base, &pair));
	}
	crowd_close(&ours);
	crowd_close(&base);
	pair_close(&pair, setting);
}

/* Bytes of a process that are in memory and nobody else's. */
static long resident(pid_t pid)
{
	char path[64], line[256];
	long kilobytes = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "RssAnon: %ld", &kilobytes) == 1)
			break;
	}
	if (file)
		fclose(file);
	return kilobytes * 1024;
}

void row_connections(const struct setting *setting, struct result *result)
{
	static struct peer peers[CONNECTIONS];
	const int count = times(setting, CONNECTIONS);
	struct pair pair;
	pair_open(&pair, setting);
	place(setting, &pair, 0);
	round_trips(&pair.daemon, &pair, &result->base, BLOCKS * BLOCK);
	long before = resident(setting->daemon);
	for (int i = 0; i < count; i++)
		peer_open(&peers[i], setting->socket, true);
	result->extra = (resident(setting->daemon) - before) / count;
	round_trips(&pair.daemon, &pair, &result->ours, BLOCKS * BLOCK);
	for (int i = 0; i < count; i++)
		peer_close(&peers[i]);
	pair_close(&pair, setting);
}
