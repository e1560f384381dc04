/*
 * The lock: an image's System V semaphore, one taken from 1, with SEM_UNDO so that the
 * kernel lets go of what a dead process held. Never makes, sets or removes a semaphore.
 */
#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include "client/lib/deadline.h"
#include "client/lib/image.h"

/* semctl(2) wants its caller to define this. */
union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

/* Which errno the caller sees: a set that is gone was removed, whenever that happened. */
static int lock_failure(int error)
{
	return error == EINVAL || error == EFBIG ? -EIDRM : -error;
}

/*
 * Ids of sets are used again, and another IPC namespace has other sets under the same ids:
 * what the daemon did not make is not the image's.
 */
static int lock_check_set(const struct shmimg_image *image)
{
	struct semid_ds set;
	union semun argument = {.buf = &set};
	if (semctl(image->header.semaphore_id, 0, IPC_STAT, argument) < 0)
		return lock_failure(errno);
	if (set.sem_perm.cuid != image->maker || image->header.semaphore_index >= set.sem_nsems)
		return -EIDRM;
	return 0;
}

static struct sembuf lock_operation(const struct shmimg_image *image, short change, int flags)
{
	return (struct sembuf){.sem_num = (unsigned short)image->header.semaphore_index,
		.sem_op = change,
		.sem_flg = (short)flags};
}

int shmimg_lock(const shmimg_image *image, int timeout_ms)
{
	int r = lock_check_set(image);
	if (r < 0)
		return r;
	deadline end = deadline_after(timeout_ms);
	struct sembuf take =
		lock_operation(image, -1, timeout_ms == 0 ? SEM_UNDO | IPC_NOWAIT : SEM_UNDO);
	for (;;) {
		struct timespec left = deadline_left(end);
		if (semtimedop(image->header.semaphore_id, &take, 1,
			    end == DEADLINE_NEVER ? NULL : &left) == 0)
			return 0;
		if (errno == EAGAIN)
			return timeout_ms == 0 ? -EAGAIN : -ETIMEDOUT;
		if (errno != EINTR)
			return lock_failure(errno);
	}
}

int shmimg_unlock(const shmimg_image *image)
{
	int id = image->header.semaphore_id;
	int index = (int)image->header.semaphore_index;
	int r = lock_check_set(image);
	if (r < 0)
		return r;
	/* The last to change a semaphore that is taken is who took it. */
	int value = semctl(id, index, GETVAL);
	int holder = value < 0 ? -1 : semctl(id, index, GETPID);
	if (value < 0 || holder < 0)
		return lock_failure(errno);
	if (value != 0 || holder != getpid())
		return -EPERM;
	/* In one step, and only from 0: the value cannot pass 1, whatever other threads do. */
	struct sembuf give[] = {
		lock_operation(image, 0, IPC_NOWAIT), lock_operation(image, 1, SEM_UNDO)};
	do
		r = semop(id, give, 2);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return 0;
	return errno == EAGAIN ? -EPERM : lock_failure(errno);
}
