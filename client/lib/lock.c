/*
 * The lock: an image's System V semaphore. It is 1 if the lock is free and 0 if it is held.
 * SEM_UNDO makes the kernel give the lock back when its holder dies. Never creates, sets or
 * removes a semaphore.
 */
#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include "client/lib/deadline.h"
#include "client/lib/image.h"

/* The caller of semctl(2) must define this. */
union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

/* The errno for the caller: a set that does not exist any more was removed. */
static int lock_failure(int error)
{
	return error == EINVAL || error == EFBIG ? -EIDRM : -error;
}

/*
 * Checks that the daemon made the set. Ids of removed sets are used again, and another IPC
 * namespace has other sets with the same ids.
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
	/* GETPID is the last process that changed the semaphore: the one that took it. */
	int value = semctl(id, index, GETVAL);
	int holder = value < 0 ? -1 : semctl(id, index, GETPID);
	if (value < 0 || holder < 0)
		return lock_failure(errno);
	if (value != 0 || holder != getpid())
		return -EPERM;
	/* Both operations at once: only from 0, so that the value cannot exceed 1. */
	struct sembuf give[] = {
		lock_operation(image, 0, IPC_NOWAIT), lock_operation(image, 1, SEM_UNDO)};
	do
		r = semop(id, give, 2);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return 0;
	return errno == EAGAIN ? -EPERM : lock_failure(errno);
}
