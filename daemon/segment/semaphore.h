/*
 * Semaphores of images: owns the System V semaphore sets of the daemon (svipc(7)) and gives out
 * one semaphore for each image.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/segment/board.h"
#include "daemon/user/credentials.h"

enum { SEMAPHORE_SET_SIZE = 256 };

struct semaphore_set;

struct semaphores {
	LIST_HEAD(, semaphore_set) sets;
	struct board *board;
	bool adopting; /* between semaphores_adopt() and semaphores_trim(): unused sets stay */
};

/* One semaphore: semaphore=<id>:<index> in replies. */
struct semaphore {
	struct semaphore_set *set;
	int id;
	unsigned index;
};

void semaphores_init(struct semaphores *semaphores, struct board *board);

/* Removes all sets, unless the board was left. */
void semaphores_destroy(struct semaphores *semaphores);

/*
 * Gives out a semaphore with value 1 that the owner, and those who share the image, may use.
 * Returns 0 or a negative errno: -ENOSPC at the kernel's limits (kernel.sem).
 */
int semaphore_take(struct semaphores *semaphores, uid_t owner, enum share share, gid_t group,
	struct semaphore *semaphore);

/*
 * Takes over the sets of an earlier daemon, by the keys in the board. Call semaphore_claim() for
 * each image and then semaphores_trim(). Returns 0 or a negative errno.
 */
int semaphores_adopt(struct semaphores *semaphores);

/*
 * Claims the semaphore of an image of an earlier daemon. Returns 0, or -ENOENT if there is no such
 * semaphore of this owner and share, or it was claimed before.
 */
int semaphore_claim(struct semaphores *semaphores, int id, unsigned index, uid_t owner,
	enum share share, gid_t group, struct semaphore *semaphore);

/* Removes the sets without a claimed semaphore, and resets the unclaimed ones of other sets. */
void semaphores_trim(struct semaphores *semaphores);

/* Gives a semaphore back, and removes its set if it was the last one in use. */
void semaphore_put(struct semaphores *semaphores, struct semaphore *semaphore);

/*
 * Reads the process that holds a semaphore (-1: none; 0: one in another PID namespace), and the
 * number of processes that wait for it.
 */
void semaphore_stat(const struct semaphore *semaphore, pid_t *holder, unsigned *waiters);

/*
 * Removes the set with this key, if an earlier daemon of this user created it. Returns 0, or a
 * negative errno if that cannot be determined.
 */
int semaphore_remove_key(int32_t key);
