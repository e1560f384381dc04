/*
 * Numbers are drawn from a small pool, which one getrandom(2) fills: a name takes one system call
 * in sixteen draws in place of one for each of its bytes. The pool stays as unpredictable as the
 * call itself: every byte is given out once and wiped at once; each thread has a pool of its own;
 * and a process that fork(2) makes begins with an empty one.
 */
#include "daemon/base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

enum { POOL_SIZE = 256 }; /* getrandom(2) gives as many without interruption */

static _Thread_local struct {
	unsigned char bytes[POOL_SIZE];
	size_t count; /* the bytes that are left are the first */
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

/* Returns 0 when the pool has as many bytes as asked for, or a negative errno. */
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
	unsigned char *raw = (unsigned char *)text + bytes; /* its second half */
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
