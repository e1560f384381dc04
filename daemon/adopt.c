/*
 * Taking over from a dead daemon.
 * See adopt.h for what it does and never does.
 */
#include "daemon/adopt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/protocol/name.h"
#include "daemon/cleanup.h"

/* A segment as it was found. */
struct find {
	char segment[SEGMENT_NAME_SIZE];
	struct header header;
	char name[NAME_LENGTH_MAX + 1];
};

struct adoption {
	struct store *store;
	bool *taken; /* for each slot of the board that was ever used */
	int count;   /* of images */
};

static bool read_name(int fd, struct find *find)
{
	size_t length = find->header.name_length;
	if (pread(fd, find->name, length, (off_t)find->header.name_offset) != (ssize_t)length)
		return false;
	find->name[length] = '\0';
	return strlen(find->name) == length && !name_check(find->name);
}

/* Reads a segment and checks that this user's daemon wrote it, and all of it. */
static bool read_segment(struct find *find)
{
	struct stat status;
	struct header *header = &find->header;
	OWN_FD int fd = shm_open(find->segment, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
		status.st_uid != geteuid() || (status.st_mode & 0222) || status.st_nlink != 1 ||
		(uint64_t)status.st_blocks * 512 < (uint64_t)status.st_size)
		return false;
	return pread(fd, header, sizeof(*header), 0) == (ssize_t)sizeof(*header) &&
	       !header_check(header, (uint64_t)status.st_size) && read_name(fd, find) &&
	       header->share <= SHARE_ALL && header->keep <= KEEP_ATTACHED &&
	       format_pixel_bytes((enum format)header->native) > 0 &&
	       memchr(header->type, '\0', sizeof(header->type));
}

/* Whether the dead daemon's board says that this is the newest state of an image. */
static bool is_current(const struct board *board, const struct header *header)
{
	return header->slot < board->header->slots_used &&
	       header->generation < board->header->next_generation &&
	       board->slots[header->slot] == header->generation;
}

/*
 * The image that a segment belongs to, which is made when there is none. Two images of one
 * name are left when the daemon died while one replaced the other: the newer one counts.
 */
static struct image *find_or_make(struct adoption *adoption, const struct find *find)
{
	const struct header *header = &find->header;
	struct store *store = adoption->store;
	struct image *image = store_find(store, find->name, header->owner);
	if (image && image->slot == header->slot)
		return image_current(image)->number == header->generation ? image : NULL;
	if (image && image_current(image)->number > header->generation)
		return NULL;
	if (adoption->taken[header->slot])
		return NULL;
	struct image *made = image_new(
		store, find->name, header->owner, (enum share)header->share, header->group);
	if (!made ||
		accounts_charge_beyond(
			store->accounts, &made->charge, made->owner, RESOURCE_IMAGES, 1) < 0 ||
		semaphore_claim(store->semaphores, header->semaphore_id, header->semaphore_index,
			made->owner, made->share, made->group, &made->semaphore) < 0) {
		image_free(made);
		return NULL;
	}
	made->slot = header->slot;
	made->keep = (enum keep)header->keep;
	adoption->taken[header->slot] = true;
	if (image) {
		/* Its slot is given back like any other, and must not be so twice. */
		adoption->taken[image->slot] = true;
		store_drop(store, image);
		adoption->count--;
	}
	return made;
}

/* The generation of a segment; a new image gets its only one. */
static struct generation *find_or_make_generation(struct image *image, const struct header *header)
{
	struct generation *generation = TAILQ_FIRST(&image->generations);
	if (generation)
		return generation;
	return generation_new(image, header->generation, &header->source,
		(enum format)header->native, header->type);
}

static bool adopt_segment(struct adoption *adoption, struct find *find)
{
	struct store *store = adoption->store;
	const struct header *header = &find->header;
	if (!read_segment(find) || !is_current(store->board, header))
		return false;
	struct image *image = find_or_make(adoption, find);
	if (!image)
		return false;
	struct generation *generation = find_or_make_generation(image, header);
	struct rendition *rendition = NULL;
	if (generation && !generation_find(generation, (enum format)header->format))
		rendition = rendition_new(generation, header);
	if (rendition &&
		store_charge(store, &rendition->bytes, image->owner, rendition->segment_size) < 0) {
		free(rendition);
		rendition = NULL;
	}
	if (!rendition) {
		if (!image->named) {
			free(generation);
			semaphore_put(store->semaphores, &image->semaphore);
			adoption->taken[image->slot] = false;
			image_free(image);
		}
		return false;
	}
	strcpy(rendition->segment, find->segment);
	generation_add(generation, rendition);
	if (!image->named) {
		TAILQ_INSERT_HEAD(&image->generations, generation, link);
		store_insert(store, image);
		adoption->count++;
	}
	return true;
}

static void adopt_all(struct adoption *adoption, DIR *folder)
{
	struct find find;
	char prefix[SEGMENT_NAME_SIZE], board[SEGMENT_NAME_SIZE];
	snprintf(prefix, sizeof(prefix), "shmimg-%s-", adoption->store->instance);
	snprintf(board, sizeof(board), "%s", adoption->store->board->name + 1);
	const struct dirent *entry;
	while ((entry = readdir(folder))) {
		const char *name = entry->d_name;
		if (strncmp(name, prefix, strlen(prefix)) != 0 || strcmp(name, board) == 0)
			continue;
		if (strlen(name) + 2 > sizeof(find.segment))
			continue;
		snprintf(find.segment, sizeof(find.segment), "/%.*s", (int)sizeof(find.segment) - 2,
			name);
		if (!adopt_segment(adoption, &find))
			segment_remove(find.segment, adoption->store->releaser);
	}
}

int adopt(struct store *store)
{
	OWN_MEMORY bool *taken = calloc(store->board->header->slots_used + 1, sizeof(*taken));
	struct adoption adoption = {.store = store, .taken = taken};
	if (!taken)
		return -ENOMEM;
	DIR *folder = opendir("/dev/shm");
	if (!folder)
		return -errno;
	adopt_all(&adoption, folder);
	closedir(folder);
	semaphores_trim(store->semaphores);
	board_adopt(store->board, taken);
	/* The limit may be a lower one now. */
	if (store->bytes > store->memory_max)
		store_evict(store, store->bytes - store->memory_max);
	return adoption.count;
}
