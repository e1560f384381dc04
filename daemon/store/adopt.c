/*
 * Adoption.
 *
 * The board of the dead daemon says which generation of each slot is the current one. A segment is
 * adopted when this user made it, its header has the seal of this identity and is plausible, and
 * its generation is current on the board. Every other segment of the instance is removed. After a
 * failure the board still describes what is left, so that the next daemon can try again.
 */
#include "daemon/store/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/protocol/name.h"
#include "daemon/base/cleanup.h"
#include "daemon/segment/shm-folder.h"
#include "daemon/store/lifetime.h"
#include "daemon/store/seal.h"

/* A file in /dev/shm with the name of a segment. */
struct candidate {
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
 * Returns a descriptor; -ENOENT when the file is not a complete segment of a daemon of this user;
 * or another negative errno.
 */
static int adopt_open_segment(const struct candidate *candidate, struct stat *status)
{
	OWN_FD int fd = shm_folder_open(candidate->segment, O_RDONLY, status);
	if (fd < 0)
		return fd == -EPERM || fd == -EBADMSG ? -ENOENT : fd;
	if ((status->st_mode & 0222) || status->st_nlink != 1 ||
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

/* Older daemons wrote no size of the whole picture, and made no smaller renditions. */
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
 * Reads a header and checks that a daemon of this identity sealed it. Returns 1; 0 when none did;
 * or a negative errno when that cannot be determined.
 */
static int adopt_read_segment(const struct identity *identity, struct candidate *candidate)
{
	struct stat status;
	struct header *header = &candidate->header;
	OWN_FD int fd = adopt_open_segment(candidate, &status);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	int r = adopt_read_all(fd, header, sizeof(*header), 0);
	if (r <= 0 || header_check(header, (uint64_t)status.st_size))
		return r < 0 ? r : 0;
	if (header->name_offset < HEADER_SIZE)
		memcpy(candidate->name, (const char *)header + header->name_offset,
			header->name_length);
	else
		r = adopt_read_all(fd, candidate->name, header->name_length, header->name_offset);
	candidate->name[header->name_length] = '\0';
	if (r <= 0)
		return r;
	return seal_is_good(identity, header, candidate->segment, candidate->name) &&
	       adopt_is_good(header, candidate->name);
}

/* Whether this is the current generation of an image, by the board. */
static bool adopt_is_current(const struct board *board, const struct header *header)
{
	return header->slot < board->header->slots_used &&
	       header->generation < board->header->next_generation &&
	       board->slots[header->slot] == header->generation;
}

/* Makes the image of a segment, with its charge and semaphore, without a name yet. */
static int adopt_make_image(
	struct store *store, const struct candidate *candidate, struct image **made)
{
	const struct header *header = &candidate->header;
	struct image *image = image_new(
		store, candidate->name, header->owner, (enum share)header->share, header->group);
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
 * Finds or makes the image that a segment belongs to. When the daemon died while one image replaced
 * another, there are two of the same name: the newer one counts. Returns 0; -ENOENT when the
 * segment belongs to no image that counts; or another negative errno.
 */
static int adopt_find_or_make(
	struct adoption *adoption, const struct candidate *candidate, struct image **found)
{
	const struct header *header = &candidate->header;
	struct store *store = adoption->store;
	struct image *image = store_find(store, candidate->name, header->owner);
	*found = image;
	if (image && image->slot == header->slot)
		return image_current(image)->number == header->generation ? 0 : -ENOENT;
	if (image && image_current(image)->number > header->generation)
		return -ENOENT;
	if (adoption->taken[header->slot])
		return -ENOENT;
	int r = store_prepare(store);
	if (r == 0)
		r = adopt_make_image(store, candidate, found);
	if (r < 0)
		return r;
	adoption->taken[header->slot] = true;
	if (image) {
		/* image_drop() gives its slot back; board_adopt() must not do so again. */
		adoption->taken[image->slot] = true;
		image_drop(store, image);
		adoption->count--;
	}
	return 0;
}

/* Finds the generation of a segment, or makes it for a new image. */
static struct generation *adopt_find_or_make_generation(
	struct image *image, const struct header *header)
{
	struct generation *generation = TAILQ_FIRST(&image->generations);
	if (generation)
		return generation;
	return generation_new(image, header->generation, &header->source,
		(enum format)header->native, header->type);
}

/* Adds a rendition. Returns 0, -ENOMEM, or -EEXIST when there is an equal one. */
static int adopt_add_rendition(
	struct store *store, struct generation *generation, const struct candidate *candidate)
{
	const struct header *header = &candidate->header;
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
	strcpy(rendition->segment, candidate->segment);
	generation_add(generation, rendition);
	return 0;
}

static void adopt_forget_image(struct adoption *adoption, struct image *image)
{
	semaphore_put(adoption->store->semaphores, &image->semaphore);
	adoption->taken[image->slot] = false;
	image_free(image);
}

/* Returns 1; 0 when the segment must be removed; or a negative errno when that is undetermined. */
static int adopt_segment(struct adoption *adoption, struct candidate *candidate)
{
	struct store *store = adoption->store;
	const struct header *header = &candidate->header;
	struct image *image;
	int r = adopt_read_segment(store->identity, candidate);
	if (r <= 0)
		return r;
	/* If the board was lost, the generations of its images are nevertheless used. */
	board_raise_generation(store->board, header->generation + 1);
	if (!adopt_is_current(store->board, header))
		return 0;
	r = adopt_find_or_make(adoption, candidate, &image);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	struct generation *generation = adopt_find_or_make_generation(image, header);
	r = generation ? adopt_add_rendition(store, generation, candidate) : -ENOMEM;
	if (r < 0) {
		if (!image->named) {
			free(generation);
			adopt_forget_image(adoption, image);
		}
		return r == -EEXIST ? 0 : r;
	}
	if (!image->named) {
		TAILQ_INSERT_HEAD(&image->generations, generation, link);
		image_insert(store, image);
		adoption->count++;
	}
	return 1;
}

/* Adopts a segment of the dead daemon, or removes what is none. */
static int adopt_file(void *context, const char *file, const struct stat *status)
{
	struct adoption *adoption = context;
	struct candidate candidate;
	if (strcmp(file, adoption->store->board->name) == 0)
		return 0;
	if (!S_ISREG(status->st_mode) || strlen(file) >= sizeof(candidate.segment)) {
		shm_unlink(file);
		return 0;
	}
	strcpy(candidate.segment, file);
	int r = adopt_segment(adoption, &candidate);
	if (r == 0)
		segment_remove(candidate.segment, "", geteuid(), adoption->store->deferred_free);
	return r < 0 ? r : 0;
}

int adopt(struct store *store)
{
	OWN_MEMORY bool *taken = calloc(store->board->header->slots_used + 1, sizeof(*taken));
	struct adoption adoption = {.store = store, .taken = taken};
	if (!taken)
		return -ENOMEM;
	int r = shm_folder_for_each(store->identity->id, adopt_file, &adoption);
	if (r < 0)
		return r;
	semaphores_trim(store->semaphores);
	board_adopt(store->board, taken);
	return adoption.count;
}
