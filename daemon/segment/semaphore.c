/*
 * Permissions belong to a set, and so does removal: only removing a set wakes those who wait for a
 * semaphore in it, with EIDRM. So an image has a set of its own, which is removed when the image is
 * dropped. The kernel limits the number of sets, and an account limits those of a user. Above half
 * of that limit, the user's further images share sets, which have many semaphores for images of the
 * same owner, share and group. A semaphore of such a set goes to another image only when no process
 * holds it or waits for it.
 *
 * The permissions let the owner of an image remove its set. A dead set is found when its user
 * reaches the limit, and is replaced then. The kernel gives the id of a removed set to others, so
 * the daemon looks at the key before it changes or removes a set.
 *
 * The key of a set is stored in the board before the set is created, and the next daemon finds the
 * set by it, even after a crash. The daemon never locks a semaphore itself.
 */
#include "daemon/segment/semaphore.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/random.h"
#include "daemon/base/tiny.h"

enum {
	WORD_BITS = 64,
	SET_WORDS = SEMAPHORE_SET_SIZE / WORD_BITS,
	KEY_TRIES = 16,
	REUSE_TRIES = TINY(8, 1), /* semaphores of a shared set that are looked at for one image */
};

struct semaphore_set {
	LIST_ENTRY(semaphore_set) link;
	int id;
	int32_t key;
	int key_index; /* in the board */
	uid_t owner;
	enum share share;
	gid_t group;
	struct charge charge; /* to the owner */
	unsigned size;	      /* 1, or SEMAPHORE_SET_SIZE */
	unsigned used;
	unsigned next;		  /* where the search for a free one begins */
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

void semaphores_init(struct semaphores *semaphores, struct board *board, struct accounts *accounts,
	bool private_group)
{
	*semaphores = (struct semaphores){
		.board = board, .accounts = accounts, .private_group = private_group};
	LIST_INIT(&semaphores->own);
	LIST_INIT(&semaphores->shared);
}

static struct semaphore_list *semaphore_list_of(struct semaphores *semaphores, unsigned size)
{
	return size == 1 ? &semaphores->own : &semaphores->shared;
}

/* Whether the kernel still has a set, with its key and made by this user, as far as it tells. */
static bool semaphore_is_alive(const struct semaphore_set *set)
{
	struct semid_ds status;
	if (semctl(set->id, 0, IPC_STAT, (union semctl_argument){.status = &status}) < 0)
		return errno != EINVAL && errno != EIDRM;
	return status.sem_perm.__key == set->key && status.sem_perm.cuid == geteuid();
}

static void semaphore_remove_set(struct semaphores *semaphores, struct semaphore_set *set)
{
	if (!semaphores->board->left && semaphore_is_alive(set))
		semctl(set->id, 0, IPC_RMID);
	if (set->key_index >= 0)
		board_remove_key(semaphores->board, set->key_index);
	charge_refund(&set->charge);
	LIST_REMOVE(set, link);
	free(set);
}

void semaphores_destroy(struct semaphores *semaphores)
{
	while (!LIST_EMPTY(&semaphores->own))
		semaphore_remove_set(semaphores, LIST_FIRST(&semaphores->own));
	while (!LIST_EMPTY(&semaphores->shared))
		semaphore_remove_set(semaphores, LIST_FIRST(&semaphores->shared));
}

/* Creates a set with a random key. Returns its id or a negative errno. */
static int semaphore_create_with_key(struct semaphores *semaphores, struct semaphore_set *set)
{
	for (int i = 0; i < KEY_TRIES; i++) {
		int r = random_fill(&set->key, sizeof(set->key));
		if (r < 0)
			return r;
		if (set->key == IPC_PRIVATE)
			continue;
		set->key_index = board_add_key(semaphores->board, set->key);
		if (set->key_index < 0)
			return set->key_index;
		int id = semget(set->key, (int)set->size, IPC_CREAT | IPC_EXCL | 0600);
		if (id >= 0)
			return id;
		r = -errno;
		board_remove_key(semaphores->board, set->key_index);
		if (r != -EEXIST)
			return r;
	}
	return -EEXIST;
}

/*
 * The kernel gives the rights of a set's group also to the group of the process that created the
 * set, for ever. So the set is created in the group that the image is shared with, if this process
 * may change its group; the system call changes the group of this thread only. Returns whether the
 * creator's group gives no rights to others.
 */
static bool semaphore_create_in_group(struct semaphores *semaphores, struct semaphore_set *set)
{
	gid_t own = getegid();
	bool changed = false;
	if (set->share == SHARE_GROUP && set->group != own)
		changed = syscall(SYS_setresgid, -1, set->group, -1) == 0;
	set->id = semaphore_create_with_key(semaphores, set);
	if (changed && syscall(SYS_setresgid, -1, own, -1) < 0)
		abort(); /* not possible: the group is still the saved one */
	return set->share != SHARE_GROUP || changed || set->group == own ||
	       semaphores->private_group;
}

static int semaphore_set_permissions(const struct semaphore_set *set, mode_t mode)
{
	unsigned short values[SEMAPHORE_SET_SIZE];
	for (unsigned i = 0; i < set->size; i++)
		values[i] = 1;
	if (semctl(set->id, 0, SETALL, (union semctl_argument){.values = values}) < 0)
		return -errno;
	struct semid_ds status;
	if (semctl(set->id, 0, IPC_STAT, (union semctl_argument){.status = &status}) < 0)
		return -errno;
	status.sem_perm.uid = set->owner;
	status.sem_perm.gid = set->group;
	status.sem_perm.mode = (unsigned short)mode;
	if (semctl(set->id, 0, IPC_SET, (union semctl_argument){.status = &status}) < 0)
		return -errno;
	return 0;
}

static void semaphore_set_all_free(struct semaphore_set *set)
{
	for (unsigned i = 0; i < set->size; i++)
		set->free[i / WORD_BITS] |= UINT64_C(1) << i % WORD_BITS;
}

/* Makes a set for images like the one of *like. */
static int semaphore_create_set(struct semaphores *semaphores, const struct semaphore_set *like,
	unsigned size, struct semaphore_set **created)
{
	struct semaphore_set *set = malloc(sizeof(*set));
	if (!set)
		return -ENOMEM;
	*set = *like;
	set->size = size;
	semaphore_set_all_free(set);
	int r = accounts_charge(semaphores->accounts, &set->charge, set->owner, RESOURCE_SETS, 1);
	if (r < 0) {
		free(set);
		return r;
	}
	bool exact = semaphore_create_in_group(semaphores, set);
	if (set->id < 0) {
		r = set->id;
		charge_refund(&set->charge);
		free(set);
		return r;
	}
	LIST_INSERT_HEAD(semaphore_list_of(semaphores, size), set, link);
	r = semaphore_set_permissions(
		set, exact ? share_modes[set->share] : share_modes[SHARE_PRIVATE]);
	if (r < 0)
		semaphore_remove_set(semaphores, set);
	else
		*created = set;
	return r;
}

/*
 * Takes a semaphore of a shared set that no process holds or waits for. Looks at a few, beginning
 * after the one that was taken last: those that were given back long ago come first. Returns its
 * index, or -ENOENT.
 */
static int semaphore_take_free(struct semaphore_set *set)
{
	unsigned tries = 0;
	for (unsigned i = 0; i < set->size && tries < REUSE_TRIES; i++) {
		unsigned index = (set->next + i) % set->size;
		uint64_t bit = UINT64_C(1) << index % WORD_BITS;
		if (!(set->free[index / WORD_BITS] & bit))
			continue;
		tries++;
		if (semctl(set->id, (int)index, GETVAL) != 1 ||
			semctl(set->id, (int)index, GETNCNT) != 0)
			continue;
		/* Also clears the undo values of processes. */
		if (semctl(set->id, (int)index, SETVAL, (union semctl_argument){.value = 1}) < 0)
			continue;
		set->free[index / WORD_BITS] &= ~bit;
		set->used++;
		set->next = (index + 1) % set->size;
		return (int)index;
	}
	return -ENOENT;
}

static bool semaphore_is_like(const struct semaphore_set *set, const struct semaphore_set *like)
{
	return set->owner == like->owner && set->share == like->share && set->group == like->group;
}

/* Takes a semaphore of a shared set, and if may_create makes one when there is none. */
static int semaphore_take_shared(struct semaphores *semaphores, const struct semaphore_set *like,
	bool may_create, struct semaphore *semaphore)
{
	struct semaphore_set *set;
	int index = -ENOENT;
	LIST_FOREACH (set, &semaphores->shared, link) {
		if (set->used == set->size || !semaphore_is_like(set, like) ||
			!semaphore_is_alive(set))
			continue;
		index = semaphore_take_free(set);
		if (index >= 0)
			break;
	}
	if (index < 0) {
		int r = may_create
				? semaphore_create_set(semaphores, like, SEMAPHORE_SET_SIZE, &set)
				: -ENOSPC;
		if (r < 0)
			return r;
		index = semaphore_take_free(set);
	}
	if (index < 0) { /* its owner has removed or changed it meanwhile */
		semaphore_remove_set(semaphores, set);
		return -EAGAIN;
	}
	*semaphore = (struct semaphore){set, set->id, (unsigned)index};
	return 0;
}

static int semaphore_take_own(struct semaphores *semaphores, const struct semaphore_set *like,
	struct semaphore *semaphore)
{
	struct semaphore_set *set;
	const struct accounts *accounts = semaphores->accounts;
	if (accounts_used(accounts, like->owner, RESOURCE_SETS) >=
		accounts_limit(accounts, like->owner, RESOURCE_SETS) / 2)
		return -EDQUOT;
	int r = semaphore_create_set(semaphores, like, 1, &set);
	if (r < 0)
		return r;
	set->free[0] = 0;
	set->used = 1;
	*semaphore = (struct semaphore){set, set->id, 0};
	return 0;
}

/*
 * Forgets the sets of a list that the owner has removed. Their images keep the id, and locking them
 * fails. A set without an owner's image is freed when its last image gives its semaphore back.
 */
static unsigned semaphore_forget_dead(
	struct semaphores *semaphores, struct semaphore_list *list, uid_t owner)
{
	struct semaphore_set *set;
	unsigned count = 0;
	LIST_FOREACH (set, list, link) {
		if (set->owner != owner || !set->charge.account || semaphore_is_alive(set))
			continue;
		board_remove_key(semaphores->board, set->key_index);
		set->key_index = -1;
		charge_refund(&set->charge);
		count++;
	}
	return count;
}

static int semaphore_try_take(struct semaphores *semaphores, const struct semaphore_set *like,
	struct semaphore *semaphore)
{
	int r = semaphore_take_own(semaphores, like, semaphore);
	/* The kernel has no room for a set of one, so it has none for one of many. */
	if (r == -EDQUOT || r == -ENOSPC)
		r = semaphore_take_shared(semaphores, like, r == -EDQUOT, semaphore);
	return r;
}

int semaphore_take(struct semaphores *semaphores, uid_t owner, enum share share, gid_t group,
	struct semaphore *semaphore)
{
	const struct semaphore_set like = {.owner = owner, .share = share, .group = group};
	int r = semaphore_try_take(semaphores, &like, semaphore);
	if (r != -EDQUOT && r != -ENOSPC)
		return r;
	unsigned dead = semaphore_forget_dead(semaphores, &semaphores->own, owner);
	dead += semaphore_forget_dead(semaphores, &semaphores->shared, owner);
	if (dead > 0)
		r = semaphore_try_take(semaphores, &like, semaphore);
	return r == -EDQUOT ? -EUSERS : r;
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
	return status->sem_perm.cuid == geteuid() &&
	       (status->sem_nsems == 1 || status->sem_nsems == SEMAPHORE_SET_SIZE);
}

static int semaphore_adopt_set(struct semaphores *semaphores, int key_index)
{
	struct semid_ds status;
	int id;
	int32_t key = semaphores->board->header->set_keys[key_index];
	int r = semaphore_find_own(key, &id, &status);
	if (r < 0)
		return r;
	if (r == 0) {
		board_remove_key(semaphores->board, key_index);
		return 0;
	}
	struct semaphore_set *set = malloc(sizeof(*set));
	if (!set)
		return -ENOMEM;
	*set = (struct semaphore_set){
		.id = id,
		.key = key,
		.key_index = key_index,
		.owner = status.sem_perm.uid,
		.group = status.sem_perm.gid,
		.size = (unsigned)status.sem_nsems,
	};
	semaphore_set_all_free(set);
	r = accounts_charge_beyond(
		semaphores->accounts, &set->charge, set->owner, RESOURCE_SETS, 1);
	if (r < 0) {
		free(set);
		return r;
	}
	LIST_INSERT_HEAD(semaphore_list_of(semaphores, set->size), set, link);
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

static struct semaphore_set *semaphore_find_id(const struct semaphores *semaphores, int id)
{
	struct semaphore_set *set;
	LIST_FOREACH (set, &semaphores->own, link) {
		if (set->id == id)
			return set;
	}
	LIST_FOREACH (set, &semaphores->shared, link) {
		if (set->id == id)
			return set;
	}
	return NULL;
}

/* Whether an adopted set can be the one of an image. The first image decides its share. */
static bool semaphore_fits(struct semaphore_set *set, uid_t owner, enum share share, gid_t group)
{
	if (set->used == 0)
		set->share = share;
	return set->owner == owner && set->share == share && set->group == group;
}

int semaphore_claim(struct semaphores *semaphores, int id, unsigned index, uid_t owner,
	enum share share, gid_t group, struct semaphore *semaphore)
{
	struct semaphore_set *set = semaphore_find_id(semaphores, id);
	if (!set || index >= set->size ||
		!(set->free[index / WORD_BITS] >> index % WORD_BITS & 1) ||
		!semaphore_fits(set, owner, share, group))
		return -ENOENT;
	set->free[index / WORD_BITS] &= ~(UINT64_C(1) << index % WORD_BITS);
	set->used++;
	*semaphore = (struct semaphore){set, id, index};
	return 0;
}

static void semaphore_trim_list(struct semaphores *semaphores, struct semaphore_list *list)
{
	struct semaphore_set *set = LIST_FIRST(list);
	while (set) {
		struct semaphore_set *next = LIST_NEXT(set, link);
		if (set->used == 0)
			semaphore_remove_set(semaphores, set);
		set = next;
	}
}

void semaphores_trim(struct semaphores *semaphores)
{
	semaphores->adopting = false;
	semaphore_trim_list(semaphores, &semaphores->own);
	semaphore_trim_list(semaphores, &semaphores->shared);
}

void semaphore_drop(struct semaphores *semaphores, struct semaphore *semaphore)
{
	if (semaphore->set && semaphore->set->size == 1)
		semaphore_put(semaphores, semaphore);
}

void semaphore_put(struct semaphores *semaphores, struct semaphore *semaphore)
{
	struct semaphore_set *set = semaphore->set;
	semaphore->set = NULL;
	if (!set)
		return;
	set->free[semaphore->index / WORD_BITS] |= UINT64_C(1) << semaphore->index % WORD_BITS;
	set->used--;
	if (set->used == 0 && !semaphores->adopting)
		semaphore_remove_set(semaphores, set);
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
