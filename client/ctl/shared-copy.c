/*
 * Copies in shared memory, with random names.
 */
#include "client/ctl/shared-copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "client/ctl/base64.h"

/* By write(2), which reports a full /dev/shm; a mapping would end the program by SIGBUS. */
static int shared_copy_fill(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t count = write(fd, bytes, size);
		if (count < 0 && errno != EINTR)
			return -errno;
		bytes += count > 0 ? count : 0;
		size -= count > 0 ? (size_t)count : 0;
	}
	return 0;
}

int shared_copy_make(struct shared_copy *copy, const void *bytes, size_t size)
{
	uint64_t random;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(copy->name, sizeof(copy->name), "/shmimgctl-%016" PRIx64, random);
	base64_encode(copy->encoded_name, copy->name, strlen(copy->name));
	int fd = shm_open(copy->name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int result = shared_copy_fill(fd, bytes, size);
	close(fd);
	if (result < 0)
		shared_copy_remove(copy);
	return result;
}

void shared_copy_remove(const struct shared_copy *copy)
{
	shm_unlink(copy->name);
}
