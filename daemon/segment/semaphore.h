/*
 * Semaphores of images: System V sets made and owned by the daemon (svipc(7)), a slot of a
 * set for each image, sets shared by images of the same owner and share. The keys are
 * written to the board. Never takes a semaphore itself.
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
	bool adopting; /* sets that nobody uses yet stay */
};

/* One semaphore: what the reply calls semaphore=<id>:<index>. */
struct semaphore {
	struct semaphore_set *set;
	int id;
	unsigned index;
};

void semaphores_init(struct semaphores *semaphores, struct board *board);

/* Removes every set that is there still, unless the board was left. */
void semaphores_destroy(struct semaphores *semaphores);

/*
 * Gives out a free semaphore (value 1) that its owner, and those it is shared with, may
 * take. Returns 0 or a negative errno; -ENOSPC at the kernel's limits (kernel.sem).
 */
int semaphore_take(struct semaphores *semaphores, uid_t owner, enum share share, gid_t group,
	struct semaphore *semaphore);

/*
 * Takes over the sets of a dead daemon, by the keys in the board. semaphore_claim() and
 * semaphores_trim() have to follow. Returns 0 or a negative errno.
 */
int semaphores_adopt(struct semaphores *semaphores);

/*
 * Claims the semaphore of an image that a dead daemon had, if its set is there, of this
 * owner and share, and nobody has claimed it. Returns 0 or -ENOENT.
 */
int semaphore_claim(struct semaphores *semaphores, int id, unsigned index, uid_t owner,
	enum share share, gid_t group, struct semaphore *semaphore);

/* Removes the sets of which nothing was claimed, and makes ready what was not in the others. */
void semaphores_trim(struct semaphores *semaphores);

/* Gives it back; a set that nobody uses any more is removed. */
void semaphore_put(struct semaphores *semaphores, struct semaphore *semaphore);

/* Who holds it (-1: nobody; 0: someone whom we cannot see), and how many wait for it. */
void semaphore_look(const struct semaphore *semaphore, pid_t *holder, unsigned *waiters);

/*
 * Removes the set of a key that an earlier daemon of this user made, if there is one.
 * Returns 0, or a negative errno when that cannot be known.
 */
int semaphore_remove_key(int32_t key);
