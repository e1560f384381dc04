/*
 * The kernel limits the number of sets, so a set has many semaphores. Permissions belong to a set,
 * so its semaphores are for images of the same owner, share and group. The key of a set is stored
 * in the board before the set is created, and the next daemon finds the set by it, even after a
 * crash. The daemon never locks a semaphore itself.
 */
#include "daemon/segment/semaphore.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include "daemon/base/random.h"

enum { WORD_BITS = 64, SET_WORDS = SEMAPHORE_SET_SIZE / WORD_BITS, KEY_TRIES = 16 };

struct semaphore_set {
	LIST_ENTRY(semaphore_set) link;
	int id;
	int key_index; /* in the board */
	uid_t owner;
	enum share share;
	gid_t group;
	bool dead; /* removed by another process */
	unsigned used;
	uint64_t free[SET_WORDS]; /* a bit for each semaphore that is not given out */
};

/* semctl(2): callers must define this union. */
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
	semaphores->adopting = false;
}

/*
 * Whether the kernel still has a set: its permissions allow the owner of the images to remove it.
 * A removed set is not used any more.
 */
static bool semaphore_is_alive(struct semaphore_set *set)
{
	if (!set->dead && semctl(set->id, 0, GETVAL) < 0)
		set->dead = true;
	return !set->dead;
}

static void semaphore_remove_set(struct semaphores *semaphores, struct semaphore_set *set)
{
	if (!semaphores->board->left && semaphore_is_alive(set))
		semctl(set->id, 0, IPC_RMID);
	board_remove_key(semaphores->board, set->key_index);
	LIST_REMOVE(set, link);
	free(set);
}

void semaphores_destroy(struct semaphores *semaphores)
{
	while (!LIST_EMPTY(&semaphores->sets))
		semaphore_remove_set(semaphores, LIST_FIRST(&semaphores->sets));
}

/* Creates a set with a random key. Returns its id or a negative errno. */
static int semaphore_create_with_key(struct semaphores *semaphores, int *key_index)
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

static int semaphore_set_permissions(const struct semaphore_set *set)
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

static int semaphore_create_set(struct semaphores *semaphores, uid_t owner, enum share share,
	gid_t group, struct semaphore_set **created)
{
	struct semaphore_set *set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->owner = owner;
	set->share = share;
	set->group = group;
	memset(set->free, 0xff, sizeof(set->free));
	set->id = semaphore_create_with_key(semaphores, &set->key_index);
	if (set->id < 0) {
		int r = set->id;
		free(set);
		return r;
	}
	LIST_INSERT_HEAD(&semaphores->sets, set, link);
	int r = semaphore_set_permissions(set);
	if (r < 0)
		semaphore_remove_set(semaphores, set);
	else
		*created = set;
	return r;
}

static struct semaphore_set *semaphore_find_set(
	const struct semaphores *semaphores, uid_t owner, enum share share, gid_t group)
{
	struct semaphore_set *set;
	LIST_FOREACH (set, &semaphores->sets, link) {
		if (set->used < SEMAPHORE_SET_SIZE && set->owner == owner && set->share == share &&
			set->group == group && semaphore_is_alive(set))
			return set;
	}
	return NULL;
}

static unsigned semaphore_take_free(struct semaphore_set *set)
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
	struct semaphore_set *set = semaphore_find_set(semaphores, owner, share, group);
	int r = set ? 0 : semaphore_create_set(semaphores, owner, share, group, &set);
	if (r < 0)
		return r;
	*semaphore = (struct semaphore){set, set->id, semaphore_take_free(set)};
	return 0;
}

static int semaphore_share_from_mode(mode_t mode)
{
	for (int share = SHARE_PRIVATE; share <= SHARE_ALL; share++) {
		if (share_modes[share] == (mode & 0777))
			return share;
	}
	return -EINVAL;
}

/*
 * Finds the set with this key, if a daemon of this user created it. Returns 1, 0 if there is none,
 * or a negative errno if that cannot be determined.
 */
static int semaphore_find_own(int32_t key, int *id, struct semid_ds *status)
{
	*id = semget(key, 0, 0);
	if (*id < 0)
		return 0;
	if (semctl(*id, 0, IPC_STAT, (union semctl_argument){.status = status}) < 0)
		return errno == EACCES || errno == EIDRM || errno == EINVAL ? 0 : -errno;
	return status->sem_perm.cuid == geteuid() && status->sem_nsems == SEMAPHORE_SET_SIZE;
}

static int semaphore_adopt_set(struct semaphores *semaphores, int key_index)
{
	struct semid_ds status;
	int id;
	int r = semaphore_find_own(semaphores->board->header->set_keys[key_index], &id, &status);
	if (r < 0)
		return r;
	if (r == 0 || semaphore_share_from_mode(status.sem_perm.mode) < 0) {
		board_remove_key(semaphores->board, key_index);
		return 0;
	}
	struct semaphore_set *set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->id = id;
	set->key_index = key_index;
	set->owner = status.sem_perm.uid;
	set->group = status.sem_perm.gid;
	set->share = (enum share)semaphore_share_from_mode(status.sem_perm.mode);
	memset(set->free, 0xff, sizeof(set->free));
	LIST_INSERT_HEAD(&semaphores->sets, set, link);
	return 0;
}

int semaphores_adopt(struct semaphores *semaphores)
{
	semaphores->adopting = true;
	for (int i = 0; i < BOARD_SETS; i++) {
		int r = semaphores->board->header->set_keys[i] ? semaphore_adopt_set(semaphores, i)
							       : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static bool semaphore_is_free(const struct semaphore_set *set, unsigned index)
{
	return set->free[index / WORD_BITS] >> index % WORD_BITS & 1;
}

int semaphore_claim(struct semaphores *semaphores, int id, unsigned index, uid_t owner,
	enum share share, gid_t group, struct semaphore *semaphore)
{
	struct semaphore_set *set;
	LIST_FOREACH (set, &semaphores->sets, link) {
		if (set->id == id)
			break;
	}
	if (!set || index >= SEMAPHORE_SET_SIZE || !semaphore_is_free(set, index) ||
		set->owner != owner || set->share != share || set->group != group)
		return -ENOENT;
	set->free[index / WORD_BITS] &= ~(UINT64_C(1) << index % WORD_BITS);
	set->used++;
	*semaphore = (struct semaphore){set, id, index};
	return 0;
}

/* Sets the value to 1 for the next image, which also clears the undo values of processes. */
static void semaphore_reset(const struct semaphore_set *set, unsigned index)
{
	semctl(set->id, (int)index, SETVAL, (union semctl_argument){.value = 1});
}

void semaphores_trim(struct semaphores *semaphores)
{
	semaphores->adopting = false;
	struct semaphore_set *set = LIST_FIRST(&semaphores->sets);
	while (set) {
		struct semaphore_set *next = LIST_NEXT(set, link);
		for (unsigned i = 0; set->used > 0 && i < SEMAPHORE_SET_SIZE; i++) {
			if (semaphore_is_free(set, i))
				semaphore_reset(set, i);
		}
		if (set->used == 0)
			semaphore_remove_set(semaphores, set);
		set = next;
	}
}

void semaphore_put(struct semaphores *semaphores, struct semaphore *semaphore)
{
	struct semaphore_set *set = semaphore->set;
	if (!semaphores->board->left)
		semaphore_reset(set, semaphore->index);
	set->free[semaphore->index / WORD_BITS] |= UINT64_C(1) << semaphore->index % WORD_BITS;
	set->used--;
	if (set->used == 0 && !semaphores->adopting)
		semaphore_remove_set(semaphores, set);
	semaphore->set = NULL;
}

void semaphore_stat(const struct semaphore *semaphore, pid_t *holder, unsigned *waiters)
{
	int index = (int)semaphore->index;
	int value = semctl(semaphore->id, index, GETVAL);
	int pid = semctl(semaphore->id, index, GETPID);
	int count = semctl(semaphore->id, index, GETNCNT);
	*holder = value == 0 && pid >= 0 ? pid : -1;
	*waiters = count > 0 ? (unsigned)count : 0;
}

int semaphore_remove_key(int32_t key)
{
	struct semid_ds status;
	int id;
	int r = semaphore_find_own(key, &id, &status);
	if (r > 0)
		semctl(id, 0, IPC_RMID);
	return r < 0 ? r : 0;
}
