/*
 * What a client that does its worst costs another one. The attacker is a process of its own, and
 * another user if root runs this. Its answers do not matter: the daemon may refuse what it asks.
 */
#include <err.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/peer.h"
#include "tests/bench/picture.h"

enum {
	TRIPS = 2000,
	WATCHES = 250,
	IMAGES = 20000,
	PATH_PARTS = 8000,
	NAME_LENGTH = 4095,
	PATTERN_LENGTH = 1023,
	NOBODY = 65534,
};

#define NAME	   "victim"
#define FETCH_NSEC UINT64_C(5000000000)

struct attacker {
	const struct setting *setting;
	int file;  /* a small picture */
	int ready; /* a pipe: the attack begins when it is closed */
};

typedef void attack_run(const struct attacker *attacker);

/* Sends a line, and waits for the end of its answer. */
static void attack_ask(struct peer *peer, const char *line, int fd)
{
	char answer[WIRE_LINE_MAX];
	ssize_t count;
	peer_send(peer, line, strlen(line), fd);
	do
		count = recv(peer->fd, answer, sizeof(answer), 0);
	while (count > 0 && answer[count - 1] != '\n');
	if (count <= 0)
		err(1, "recv");
}

/* "*aaa...ab": a name of "a" alone looks like it from each of its characters on. */
static void attack_write_pattern(char line[WIRE_LINE_MAX], const char *verb)
{
	int length = snprintf(line, WIRE_LINE_MAX, "%s match=*", verb);
	memset(line + length, 'a', PATTERN_LENGTH - 2);
	strcpy(line + length + PATTERN_LENGTH - 2, "b\n");
}

static void attack_write_name(char line[WIRE_LINE_MAX], const char *before, const char *after)
{
	int length = snprintf(line, WIRE_LINE_MAX, "%s name=", before);
	memset(line + length, 'a', NAME_LENGTH);
	snprintf(line + length + NAME_LENGTH, WIRE_LINE_MAX - (size_t)length - NAME_LENGTH, "%s\n",
		after);
}

/* 250 subscriptions with a hard pattern, and events. */
static void attack_by_watch(const struct attacker *attacker)
{
	static struct peer watchers[WATCHES], peer;
	char watch[WIRE_LINE_MAX], load[WIRE_LINE_MAX], drop[WIRE_LINE_MAX];
	attack_write_pattern(watch, "WATCH");
	attack_write_name(load, "LOAD source=fd", " pin=no");
	attack_write_name(drop, "DROP", "");
	for (int i = 0; i < times(attacker->setting, WATCHES); i++) {
		peer_open(&watchers[i], attacker->setting->socket, true);
		attack_ask(&watchers[i], watch, -1);
	}
	peer_open(&peer, attacker->setting->socket, true);
	close(attacker->ready);
	for (;;) {
		attack_ask(&peer, load, attacker->file);
		attack_ask(&peer, drop, -1);
	}
}

/* The end of a connection that holds the last pins of 20 000 images. */
static void attack_by_close(const struct attacker *attacker)
{
	static struct peer peer;
	char line[128];
	peer_open(&peer, attacker->setting->socket, true);
	for (int i = 0; i < times(attacker->setting, IMAGES); i++) {
		snprintf(line, sizeof(line),
			"LOAD source=fd name=%d keep=attached width=1 height=1\n", i);
		attack_ask(&peer, line, attacker->file);
	}
	close(attacker->ready);
	usleep(100000); /* the victim has begun to fetch */
	peer_close(&peer);
	for (;;)
		pause();
}

static void attack_by_list(const struct attacker *attacker)
{
	static struct peer peer;
	char load[WIRE_LINE_MAX], list[WIRE_LINE_MAX];
	attack_write_name(load, "LOAD source=fd", "");
	attack_write_pattern(list, "LIST");
	peer_open(&peer, attacker->setting->socket, true);
	attack_ask(&peer, load, attacker->file);
	close(attacker->ready);
	for (;;)
		attack_ask(&peer, list, -1);
}

static void attack_by_path(const struct attacker *attacker)
{
	static struct peer peer;
	char line[WIRE_LINE_MAX + 64] = "LOAD name=a path=/";
	for (int i = 0; i < PATH_PARTS; i++)
		strcat(line, "./");
	strcat(line, "a\n");
	peer_open(&peer, attacker->setting->socket, true);
	close(attacker->ready);
	for (;;)
		attack_ask(&peer, line, -1);
}

static void attack_become_another_user(void)
{
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				      setresuid(NOBODY, NOBODY, NOBODY) < 0))
		err(1, "cannot become another user");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Returns when the attack begins. */
static pid_t attack_start(const struct setting *setting, attack_run *run)
{
	int ready[2];
	char none;
	if (pipe(ready) < 0)
		err(1, "pipe");
	pid_t pid = fork();
	if (pid == 0) {
		struct attacker attacker = {setting, picture_open(setting, "small.png"), ready[1]};
		close(ready[0]);
		attack_become_another_user();
		run(&attacker);
		_exit(1);
	}
	close(ready[1]);
	if (pid < 0 || read(ready[0], &none, 1) != 0)
		err(1, "fork");
	close(ready[0]);
	return pid;
}

/* A round trip each millisecond, as of a program that draws; for some seconds at most. */
static void attack_fetch(const struct setting *setting, struct peer *victim, struct sample *sample)
{
	char request[WIRE_LINE_MAX];
	size_t length = peer_request(request, "FETCH", NAME);
	const uint64_t end = clock_now() + FETCH_NSEC;
	for (int i = 0; i < times(setting, TRIPS) && clock_now() < end; i++) {
		uint64_t began = clock_now();
		peer_ask(victim, request, length, -1);
		sample_add(sample, (double)(clock_now() - began) / 1e3);
		usleep(1000);
	}
}

static uint64_t attack_longest_turn(struct peer *peer)
{
	static const char key[] = " longest-turn-cpu-us=";
	uint64_t longest;
	peer_ask(peer, "STATS\n", 6, -1);
	const char *found = memmem(peer->answer, peer->length, key, sizeof(key) - 1);
	if (!found || sscanf(found + sizeof(key) - 1, "%" SCNu64, &longest) != 1)
		errx(1, "STATS does not tell%s", key);
	return longest;
}

static void attack_measure(const struct setting *setting, struct result *result, attack_run *run)
{
	static struct peer victim;
	int file = picture_open(setting, "small.png");
	peer_open(&victim, setting->socket, true);
	peer_load(&victim, NAME, file);
	close(file);
	attack_fetch(setting, &victim, &result->base);
	pid_t pid = attack_start(setting, run);
	attack_fetch(setting, &victim, &result->ours);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	result->ratio = (double)attack_longest_turn(&victim) / 1e3;
	result->extra = (long)sample_quantile(&result->ours, 1);
	peer_close(&victim);
}

void row_attack_watch(const struct setting *setting, struct result *result)
{
	attack_measure(setting, result, attack_by_watch);
}

void row_attack_close(const struct setting *setting, struct result *result)
{
	attack_measure(setting, result, attack_by_close);
}

void row_attack_list(const struct setting *setting, struct result *result)
{
	attack_measure(setting, result, attack_by_list);
}

void row_attack_path(const struct setting *setting, struct result *result)
{
	attack_measure(setting, result, attack_by_path);
}
