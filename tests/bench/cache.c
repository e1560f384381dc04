/*
 * A server that keeps bytes under a key.
 */
#include "tests/bench/cache.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE = 128 };

/* What is said, in order; the size goes behind what put and head begin with. */
static const struct dialect {
	const char *put;
	const char *stored;
	const char *get;
	const char *head;
	const char *end;
} dialects[] = {
	[CACHE_REDIS] = {"*3\r\n$3\r\nSET\r\n$3\r\nuhd\r\n$", "+OK\r\n",
		"*2\r\n$3\r\nGET\r\n$3\r\nuhd\r\n", "$", "\r\n"},
	[CACHE_MEMCACHED] = {"set uhd 0 0 ", "STORED\r\n", "get uhd\r\n", "VALUE uhd 0 ",
		"\r\nEND\r\n"},
};

void cache_open(struct cache *cache, enum cache_kind kind, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	cache->kind = kind;
	cache->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (cache->fd < 0 || connect(cache->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "%s", path);
}

void cache_close(struct cache *cache)
{
	close(cache->fd);
}

static void say(const struct cache *cache, const void *data, size_t size)
{
	const char *next = data, *end = next + size;
	while (next < end) {
		ssize_t count = send(cache->fd, next, (size_t)(end - next), MSG_NOSIGNAL);
		if (count < 0)
			err(1, "send");
		next += count;
	}
}

static void hear(const struct cache *cache, void *data, size_t size)
{
	char *next = data, *end = next + size;
	while (next < end) {
		ssize_t count = recv(cache->fd, next, (size_t)(end - next), MSG_WAITALL);
		if (count <= 0)
			err(1, "recv");
		next += count;
	}
}

/* Byte by byte, as another answer may be a shorter one. */
static void expect(const struct cache *cache, const char *wanted)
{
	for (const char *next = wanted; *next; next++) {
		char byte;
		hear(cache, &byte, 1);
		if (byte != *next)
			errx(1, "the answer is not %s", wanted);
	}
}

void cache_put(struct cache *cache, const void *data, size_t size)
{
	const struct dialect *dialect = &dialects[cache->kind];
	char line[LINE];
	int length = snprintf(line, sizeof(line), "%s%zu\r\n", dialect->put, size);
	say(cache, line, (size_t)length);
	say(cache, data, size);
	say(cache, "\r\n", 2);
	expect(cache, dialect->stored);
}

void cache_get(struct cache *cache, void *data, size_t size)
{
	const struct dialect *dialect = &dialects[cache->kind];
	char line[LINE];
	snprintf(line, sizeof(line), "%s%zu\r\n", dialect->head, size);
	say(cache, dialect->get, strlen(dialect->get));
	expect(cache, line);
	hear(cache, data, size);
	expect(cache, dialect->end);
}
