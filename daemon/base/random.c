/*
 * One getrandom(2) fills a small pool, and numbers come from the pool. So one system call is enough
 * for sixteen names. Each byte is used once and then erased, each thread has its own pool,
 * and after fork(2) the pool of the child is empty.
 */
#include "daemon/base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

enum { POOL_SIZE = 256 }; /* a signal interrupts no getrandom(2) up to this size */

static _Thread_local struct {
	unsigned char bytes[POOL_SIZE];
	size_t count; /* unused bytes, at the beginning */
} random_pool;

static pthread_once_t random_once = PTHREAD_ONCE_INIT;
static bool random_is_fork_safe;

static void random_empty_pool(void)
{
	explicit_bzero(&random_pool, sizeof(random_pool));
}

static void random_prepare(void)
{
	random_is_fork_safe = pthread_atfork(NULL, NULL, random_empty_pool) == 0;
}

static int random_read(void *buffer, size_t size)
{
	unsigned char *next = buffer;
	while (size > 0) {
		ssize_t count = getrandom(next, size, 0);
		if (count < 0 && errno != EINTR)
			return -errno;
		if (count > 0) {
			next += count;
			size -= (size_t)count;
		}
	}
	return 0;
}

/* Fills the pool when it has fewer bytes than this. Returns 0 or a negative errno. */
static int random_refill(size_t size)
{
	if (random_pool.count >= size)
		return 0;
	int r = random_read(random_pool.bytes, POOL_SIZE);
	random_pool.count = r < 0 ? 0 : POOL_SIZE;
	return r;
}

int random_fill(void *buffer, size_t size)
{
	pthread_once(&random_once, random_prepare);
	if (!random_is_fork_safe || size > POOL_SIZE)
		return random_read(buffer, size);
	int r = random_refill(size);
	if (r < 0)
		return r;
	random_pool.count -= size;
	memcpy(buffer, random_pool.bytes + random_pool.count, size);
	explicit_bzero(random_pool.bytes + random_pool.count, size);
	return 0;
}

int random_hex(char *text, size_t bytes)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char *raw = (unsigned char *)text + bytes; /* the second half of text */
	int r = random_fill(raw, bytes);
	if (r < 0)
		return r;
	for (size_t i = 0; i < bytes; i++) {
		unsigned char byte = raw[i];
		text[2 * i] = digits[byte >> 4];
		text[2 * i + 1] = digits[byte & 15];
	}
	text[2 * bytes] = '\0';
	return 0;
}
