/*
 * Semaphores of images: owns the System V semaphore sets of the daemon (svipc(7)) and gives out
 * one semaphore for each image.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/base/tiny.h"
#include "daemon/segment/board.h"
#include "daemon/user/account.h"
#include "daemon/user/credentials.h"

enum { SEMAPHORE_SET_SIZE = TINY(256, 64) }; /* of a set for several images */

struct semaphore_set;

LIST_HEAD(semaphore_list, semaphore_set);

struct semaphores {
	struct semaphore_list own;    /* sets for one image */
	struct semaphore_list shared; /* sets for several images */
	struct board *board;
	struct accounts *accounts; /* of the owners */
	bool private_group;	   /* no other process is in the group of this one */
	bool adopting; /* between semaphores_adopt() and semaphores_trim(): unused sets stay */
};

/* One semaphore: semaphore=<id>:<index> in replies. */
struct semaphore {
	struct semaphore_set *set; /* NULL after it was given back */
	int id;
	unsigned index;
};

/*
 * board and accounts stay the caller's. With private_group, the group of this process may get the
 * rights of every group that images are shared with.
 */
void semaphores_init(struct semaphores *semaphores, struct board *board, struct accounts *accounts,
	bool private_group);

/* Removes all sets, unless the board was left. */
void semaphores_destroy(struct semaphores *semaphores);

/*
 * Gives out a semaphore with value 1 that the owner, and those who share the image, may use. With
 * SHARE_GROUP only the owner may use it if the kernel would also give the group of this process
 * the right to do so. Returns 0 or a negative errno: -EUSERS when the owner may have no more sets,
 * -ENOSPC at the kernel's limits (kernel.sem).
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

/* Removes the sets without a claimed semaphore. */
void semaphores_trim(struct semaphores *semaphores);

/*
 * Ends the semaphore of an image that loses its name: those who hold it or wait for it get EIDRM.
 * Does nothing to a semaphore whose set serves other images, too.
 */
void semaphore_drop(struct semaphores *semaphores, struct semaphore *semaphore);

/*
 * Gives a semaphore back, and removes its set if it was the last one in use. Ignores one that was
 * given back.
 */
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
