/*
 * Semaphores of images.
 * See semaphore.h for what it does and never does.
 */
#include "daemon/semaphore.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include "daemon/random.h"

enum { WORD_BITS = 64, SET_WORDS = SEMAPHORE_SET_SIZE / WORD_BITS, KEY_TRIES = 16 };

struct semaphore_set {
	LIST_ENTRY(semaphore_set) link;
	int id;
	int key_index; /* in the board */
	uid_t owner;
	enum share share;
	gid_t group;
	bool dead; /* removed by somebody else */
	unsigned used;
	uint64_t free[SET_WORDS]; /* a bit for each slot that may be given out */
};

/* semctl(2) leaves this to its callers. */
union semctl_argument {
	int value;
	struct semid_ds *status;
	unsigned short *values;
};

static const mode_t share_modes[] = {
	[SHARE_PRIVATE] = 0600,
	[SHARE_GROUP] = 0660,
	[SHARE_ALL] = 0666,
};

void semaphores_init(struct semaphores *semaphores, struct board *board)
{
	LIST_INIT(&semaphores->sets);
	semaphores->board = board;
}

/*
 * Whether the kernel still has a set: the owner of private images may remove it, as its
 * permissions go. What is gone is given out no more.
 */
static bool is_alive(struct semaphore_set *set)
{
	if (!set->dead && semctl(set->id, 0, GETVAL) < 0)
		set->dead = true;
	return !set->dead;
}

static void remove_set(struct semaphores *semaphores, struct semaphore_set *set)
{
	if (is_alive(set))
		semctl(set->id, 0, IPC_RMID);
	board_remove_key(semaphores->board, set->key_index);
	LIST_REMOVE(set, link);
	free(set);
}

void semaphores_destroy(struct semaphores *semaphores)
{
	while (!LIST_EMPTY(&semaphores->sets))
		remove_set(semaphores, LIST_FIRST(&semaphores->sets));
}

/* The key stands in the board before the kernel has the set. Returns the set's id. */
static int make_with_key(struct semaphores *semaphores, int *key_index)
{
	for (int i = 0; i < KEY_TRIES; i++) {
		int32_t key = 0;
		int r = random_fill(&key, sizeof(key));
		if (r < 0)
			return r;
		if (key == IPC_PRIVATE)
			continue;
		*key_index = board_add_key(semaphores->board, key);
		if (*key_index < 0)
			return *key_index;
		int id = semget(key, SEMAPHORE_SET_SIZE, IPC_CREAT | IPC_EXCL | 0600);
		if (id >= 0)
			return id;
		r = -errno;
		board_remove_key(semaphores->board, *key_index);
		if (r != -EEXIST)
			return r;
	}
	return -EEXIST;
}

static int set_permissions(const struct semaphore_set *set)
{
	unsigned short values[SEMAPHORE_SET_SIZE];
	for (int i = 0; i < SEMAPHORE_SET_SIZE; i++)
		values[i] = 1;
	if (semctl(set->id, 0, SETALL, (union semctl_argument){.values = values}) < 0)
		return -errno;
	struct semid_ds status;
	if (semctl(set->id, 0, IPC_STAT, (union semctl_argument){.status = &status}) < 0)
		return -errno;
	status.sem_perm.uid = set->owner;
	status.sem_perm.gid = set->group;
	status.sem_perm.mode = (unsigned short)share_modes[set->share];
	if (semctl(set->id, 0, IPC_SET, (union semctl_argument){.status = &status}) < 0)
		return -errno;
	return 0;
}

static int make_set(struct semaphores *semaphores, uid_t owner, enum share share, gid_t group,
	struct semaphore_set **made)
{
	struct semaphore_set *set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->owner = owner;
	set->share = share;
	set->group = group;
	memset(set->free, 0xff, sizeof(set->free));
	set->id = make_with_key(semaphores, &set->key_index);
	if (set->id < 0) {
		int r = set->id;
		free(set);
		return r;
	}
	LIST_INSERT_HEAD(&semaphores->sets, set, link);
	int r = set_permissions(set);
	if (r < 0)
		remove_set(semaphores, set);
	else
		*made = set;
	return r;
}

static struct semaphore_set *find_set(
	const struct semaphores *semaphores, uid_t owner, enum share share, gid_t group)
{
	struct semaphore_set *set;
	LIST_FOREACH (set, &semaphores->sets, link) {
		if (set->used < SEMAPHORE_SET_SIZE && set->owner == owner && set->share == share &&
			set->group == group && is_alive(set))
			return set;
	}
	return NULL;
}

static unsigned take_free(struct semaphore_set *set)
{
	unsigned word = 0;
	while (!set->free[word])
		word++;
	unsigned bit = (unsigned)__builtin_ctzll(set->free[word]);
	set->free[word] &= ~(UINT64_C(1) << bit);
	set->used++;
	return word * WORD_BITS + bit;
}

int semaphore_take(struct semaphores *semaphores, uid_t owner, enum share share, gid_t group,
	struct semaphore *semaphore)
{
	struct semaphore_set *set = find_set(semaphores, owner, share, group);
	int r = set ? 0 : make_set(semaphores, owner, share, group, &set);
	if (r < 0)
		return r;
	*semaphore = (struct semaphore){set, set->id, take_free(set)};
	return 0;
}

void semaphore_put(struct semaphores *semaphores, struct semaphore *semaphore)
{
	struct semaphore_set *set = semaphore->set;
	/* Value 1 for the next image, whatever a holder left; this also clears its undo. */
	semctl(set->id, (int)semaphore->index, SETVAL, (union semctl_argument){.value = 1});
	set->free[semaphore->index / WORD_BITS] |= UINT64_C(1) << semaphore->index % WORD_BITS;
	set->used--;
	if (set->used == 0)
		remove_set(semaphores, set);
	semaphore->set = NULL;
}

void semaphore_look(const struct semaphore *semaphore, pid_t *holder, unsigned *waiters)
{
	int index = (int)semaphore->index;
	int value = semctl(semaphore->id, index, GETVAL);
	int pid = semctl(semaphore->id, index, GETPID);
	int count = semctl(semaphore->id, index, GETNCNT);
	*holder = value == 0 && pid >= 0 ? pid : -1;
	*waiters = count > 0 ? (unsigned)count : 0;
}

void semaphore_remove_key(int32_t key)
{
	int id = semget(key, 0, 0);
	struct semid_ds status;
	if (id < 0 || semctl(id, 0, IPC_STAT, (union semctl_argument){.status = &status}) < 0)
		return;
	if (status.sem_perm.cuid == geteuid() && status.sem_nsems == SEMAPHORE_SET_SIZE)
		semctl(id, 0, IPC_RMID);
}
