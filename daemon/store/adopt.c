/*
 * Taking over from a dead daemon.
 */
#include "daemon/store/adopt.h"

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
#include "daemon/base/cleanup.h"
#include "daemon/segment/follow-record.h"
#include "daemon/store/lifetime.h"

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

/*
 * Opens what has a segment's name. Returns a descriptor, -ENOENT for what a daemon of this
 * user never wrote, or another negative errno.
 */
static int adopt_open_segment(const struct find *find, struct stat *status)
{
	OWN_FD int fd = shm_open(find->segment, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0)
		return errno == ELOOP || errno == EACCES || errno == ENXIO ? -ENOENT : -errno;
	if (fstat(fd, status) < 0)
		return -errno;
	if (!S_ISREG(status->st_mode) || status->st_uid != geteuid() || (status->st_mode & 0222) ||
		status->st_nlink != 1 ||
		(uint64_t)status->st_blocks * 512 < (uint64_t)status->st_size)
		return -ENOENT;
	return take_fd(&fd);
}

/* Returns 1, 0 when there are fewer bytes, or a negative errno. */
static int adopt_read_all(int fd, void *data, size_t size, uint64_t offset)
{
	ssize_t count = pread(fd, data, size, (off_t)offset);
	return count < 0 ? -errno : (size_t)count == size;
}

/* A header without the size of the whole picture is of a time before there were smaller forms. */
static bool adopt_is_fitted(const struct header *header)
{
	struct box box = {header->box_width, header->box_height};
	if (header->full_width == 0)
		return box.width == 0 && box.height == 0;
	return fit_matches(
		header->width, header->height, header->full_width, header->full_height, box);
}

static bool adopt_is_good(const struct header *header, const char *name)
{
	return strlen(name) == header->name_length && !name_check(name) &&
	       header->share <= SHARE_ALL && header->keep <= KEEP_ATTACHED &&
	       format_pixel_bytes((enum format)header->native) > 0 && adopt_is_fitted(header) &&
	       memchr(header->type, '\0', sizeof(header->type));
}

/*
 * Reads a segment and checks that this user's daemon wrote it, and all of it. Returns 1, 0
 * when that is not so, or a negative errno when it cannot be known.
 */
static int adopt_read_segment(struct find *find)
{
	struct stat status;
	struct header *header = &find->header;
	OWN_FD int fd = adopt_open_segment(find, &status);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	int r = adopt_read_all(fd, header, sizeof(*header), 0);
	if (r <= 0 || header_check(header, (uint64_t)status.st_size))
		return r < 0 ? r : 0;
	r = adopt_read_all(fd, find->name, header->name_length, header->name_offset);
	find->name[header->name_length] = '\0';
	return r <= 0 ? r : adopt_is_good(header, find->name);
}

/* Whether the dead daemon's board says that this is the newest state of an image. */
static bool adopt_is_current(const struct board *board, const struct header *header)
{
	return header->slot < board->header->slots_used &&
	       header->generation < board->header->next_generation &&
	       board->slots[header->slot] == header->generation;
}

/* The image of a segment, with what it costs and its semaphore, but without a name yet. */
static int adopt_make_image(struct store *store, const struct find *find, struct image **made)
{
	const struct header *header = &find->header;
	struct image *image = image_new(
		store, find->name, header->owner, (enum share)header->share, header->group);
	if (!image)
		return -ENOMEM;
	int r = accounts_charge_beyond(
		store->accounts, &image->charge, image->owner, RESOURCE_IMAGES, 1);
	if (r == 0)
		r = semaphore_claim(store->semaphores, header->semaphore_id,
			header->semaphore_index, image->owner, image->share, image->group,
			&image->semaphore);
	if (r < 0) {
		image_free(image);
		return r;
	}
	image->slot = header->slot;
	int keep = board_keep(store->board, header->slot);
	image->keep =
		keep >= 0 && keep <= KEEP_ATTACHED ? (enum keep)keep : (enum keep)header->keep;
	*made = image;
	return 0;
}

/*
 * The image that a segment belongs to, which is made when there is none. Two images of one
 * name are left when the daemon died while one replaced the other: the newer one counts.
 * Returns 0, -ENOENT when it belongs to none, or another negative errno.
 */
static int adopt_find_or_make(
	struct adoption *adoption, const struct find *find, struct image **found)
{
	const struct header *header = &find->header;
	struct store *store = adoption->store;
	struct image *image = store_find(store, find->name, header->owner);
	*found = image;
	if (image && image->slot == header->slot)
		return image_current(image)->number == header->generation ? 0 : -ENOENT;
	if (image && image_current(image)->number > header->generation)
		return -ENOENT;
	if (adoption->taken[header->slot])
		return -ENOENT;
	int r = store_prepare(store);
	if (r == 0)
		r = adopt_make_image(store, find, found);
	if (r < 0)
		return r;
	adoption->taken[header->slot] = true;
	if (image) {
		/* Its slot is given back like any other, and must not be so twice. */
		adoption->taken[image->slot] = true;
		store_drop(store, image);
		adoption->count--;
	}
	return 0;
}

/* The generation of a segment; a new image gets its only one. */
static struct generation *adopt_find_or_make_generation(
	struct image *image, const struct header *header)
{
	struct generation *generation = TAILQ_FIRST(&image->generations);
	if (generation)
		return generation;
	return generation_new(image, header->generation, &header->source,
		(enum format)header->native, header->type);
}

/* Adds a rendition, if there is none like it. Returns 0, -EEXIST or -ENOMEM. */
static int adopt_add_rendition(
	struct store *store, struct generation *generation, const struct find *find)
{
	const struct header *header = &find->header;
	struct box size = {header->width, header->height};
	if (generation_find(generation, (enum format)header->format, size))
		return -EEXIST;
	struct rendition *rendition = rendition_new(generation, header);
	if (!rendition)
		return -ENOMEM;
	int r = store_charge(
		store, &rendition->bytes, generation->image->owner, rendition->segment_size);
	if (r < 0) {
		free(rendition);
		return r;
	}
	strcpy(rendition->segment, find->segment);
	generation_add(generation, rendition);
	return 0;
}

static void adopt_forget_image(struct adoption *adoption, struct image *image)
{
	semaphore_put(adoption->store->semaphores, &image->semaphore);
	adoption->taken[image->slot] = false;
	image_free(image);
}

/* Returns 1, 0 for what is to be removed, or a negative errno when that cannot be known. */
static int adopt_segment(struct adoption *adoption, struct find *find)
{
	struct store *store = adoption->store;
	const struct header *header = &find->header;
	struct image *image;
	int r = adopt_read_segment(find);
	if (r <= 0)
		return r;
	if (!adopt_is_current(store->board, header))
		return 0;
	r = adopt_find_or_make(adoption, find, &image);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	struct generation *generation = adopt_find_or_make_generation(image, header);
	r = generation ? adopt_add_rendition(store, generation, find) : -ENOMEM;
	if (r < 0) {
		if (!image->named) {
			free(generation);
			adopt_forget_image(adoption, image);
		}
		return r == -EEXIST ? 0 : r;
	}
	if (!image->named) {
		TAILQ_INSERT_HEAD(&image->generations, generation, link);
		store_insert(store, image);
		adoption->count++;
	}
	return 1;
}

static int adopt_all(struct adoption *adoption, DIR *folder)
{
	struct find find;
	char prefix[SEGMENT_NAME_SIZE], board[SEGMENT_NAME_SIZE];
	snprintf(prefix, sizeof(prefix), "shmimg-%s-", adoption->store->instance);
	snprintf(board, sizeof(board), "%s", adoption->store->board->name + 1);
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(folder);
		if (!entry)
			return -errno;
		const char *name = entry->d_name;
		if (strncmp(name, prefix, strlen(prefix)) != 0 || strcmp(name, board) == 0)
			continue;
		if (strlen(name) + 2 > sizeof(find.segment) ||
			strncmp(name + strlen(prefix), FOLLOW_RECORD_WORD,
				strlen(FOLLOW_RECORD_WORD)) == 0)
			continue;
		snprintf(find.segment, sizeof(find.segment), "/%.*s", (int)sizeof(find.segment) - 2,
			name);
		int r = adopt_segment(adoption, &find);
		if (r < 0)
			return r;
		if (r == 0)
			segment_remove(find.segment, "", geteuid(), adoption->store->deferred_free);
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
	int r = adopt_all(&adoption, folder);
	closedir(folder);
	if (r < 0)
		return r;
	semaphores_trim(store->semaphores);
	board_adopt(store->board, taken);
	return adoption.count;
}
