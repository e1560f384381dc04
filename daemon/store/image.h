/*
 * Images in memory: an image with its generations, their renditions, and the pins of sessions
 * on renditions. The daemon decides by this data alone; the header of a segment is for clients.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "client/protocol/fit.h"
#include "client/protocol/format.h"
#include "client/protocol/header.h"
#include "client/protocol/keep.h"
#include "daemon/base/lru.h"
#include "daemon/base/tiny.h"
#include "daemon/segment/segment.h"
#include "daemon/segment/semaphore.h"
#include "daemon/store/index.h"
#include "daemon/user/account.h"
#include "daemon/user/credentials.h"

struct follow;
struct session;
struct store;

/* A pin of a session on a rendition; the session owns it, the rendition lists it. */
struct pin {
	RB_ENTRY(pin) node;
	TAILQ_ENTRY(pin) link;
	struct charge charge; /* to the session's user */
	struct session *session;
	struct rendition *rendition;
};

enum {
	RENDITIONS_MAX = TINY(32, 3), /* of a generation */
	RENDITION_BOXES = TINY(4, 2), /* remembered of a rendition */
};

/* One segment: the picture in one format and size. */
struct rendition {
	TAILQ_ENTRY(rendition) link;
	struct generation *generation;
	char segment[SEGMENT_NAME_SIZE];
	uint64_t segment_size;
	struct charge bytes; /* to the image's owner, or to who keeps an old state in memory */
	uint64_t pixel_offset;
	uint64_t stride;
	uint32_t width;
	uint32_t height;
	uint32_t full_width; /* of the whole picture */
	uint32_t full_height;
	uint32_t orientation;
	enum format format;
	unsigned box_count;
	struct box boxes[RENDITION_BOXES]; /* of LOADs that led to this size */
	uint64_t used;			   /* last, by the clock of the store */
	unsigned description_size;
	char *description; /* constant fields of replies; NULL until first needed */
	unsigned pin_count;
	TAILQ_HEAD(, pin) pins; /* oldest first */
};

/* One state of the file: its renditions show the same picture. */
struct generation {
	TAILQ_ENTRY(generation) link;
	struct image *image;
	uint64_t number;
	struct header_source source;
	enum format native; /* nearest format to the file */
	char type[8];	    /* the file's, such as "JPEG" */
	unsigned count;	    /* of the renditions */
	TAILQ_HEAD(, rendition) renditions;
};

struct image {
	RB_ENTRY(image) node;		  /* while it is named */
	struct index_entry indexed;	  /* in the store's index, while it is named */
	struct lru_node evictable;	  /* in the store's list, with the bytes to be freed */
	struct lru_node owners_evictable; /* in the owner's list, with the same bytes */
	uint64_t bytes;			  /* of all its segments */
	struct store *store;
	struct charge charge; /* to the owner, or to who keeps a removed image in memory */
	const char *name;     /* points to text, except in a search key */
	uid_t owner;
	gid_t group;
	enum share share;
	enum keep keep;
	bool named; /* can be found; an image without a name stays only while it is pinned */
	uint32_t slot;
	struct semaphore semaphore;
	struct follow *follow;		      /* of its file, or NULL */
	bool refreshing;		      /* its next generation is being decoded */
	unsigned pin_count;		      /* of all its renditions */
	TAILQ_HEAD(, generation) generations; /* newest first; older ones are pinned */
	char text[];
};

/*
 * New objects, in no list yet; image_free() frees an image, free(3) a generation or rendition.
 * They return NULL when there is no memory.
 */
struct image *image_new(
	struct store *store, const char *name, uid_t owner, enum share share, gid_t group);
struct generation *generation_new(struct image *image, uint64_t number,
	const struct header_source *source, enum format native, const char *type);
struct rendition *rendition_new(struct generation *generation, const struct header *header);

/* Frees an image without generations and refunds its charge. NULL is ignored. */
void image_free(struct image *image);

/* The generation that FETCH finds; NULL when the image has no name any more. */
struct generation *image_current(const struct image *image);

/* Puts a rendition among the others: in the order of formats, the largest of a format first. */
void generation_insert(struct generation *generation, struct rendition *rendition);

/* The rendition in a format whose size is that of the picture fitted into a box, or NULL. */
struct rendition *generation_find(
	const struct generation *generation, enum format format, struct box box);

/*
 * The best rendition of a format (-1: any) and a box (NULL: any): the largest; of two that are
 * equally large, the one with the first format, RGBA8. NULL when there is none.
 */
struct rendition *generation_choose(
	const struct generation *generation, int format, const struct box *box);

/* Whether it has this format (-1: any), and the size that the box gives (NULL: any). */
bool rendition_matches(const struct rendition *rendition, int format, const struct box *box);

/* Whether it is smaller than the whole picture. */
bool rendition_is_smaller(const struct rendition *rendition);

/* Remembers a box that led to a rendition: the first box and the last ones are kept. */
void rendition_add_box(struct rendition *rendition, struct box box);
