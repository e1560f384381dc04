/*
 * The next generation of an image whose file has changed.
 */
#include "daemon/engine/refresh.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "daemon/engine/load-request.h"
#include "daemon/file/close-queue.h"

/* One rendition of the new generation, being loaded. */
struct refresh {
	struct load_waiter waiter; /* first: the waiter is the refresh */
	TAILQ_ENTRY(refresh) link;
	struct refreshes *refreshes;
};

static void refresh_on_done(struct load_waiter *waiter, struct rendition *rendition,
	enum fault fault, const char *message)
{
	struct refresh *refresh = (struct refresh *)waiter;
	struct refreshes *refreshes = refresh->refreshes;
	TAILQ_REMOVE(&refreshes->all, refresh, link);
	free(refresh);
	refreshes->done(refreshes->context, rendition, fault, message);
}

static int refresh_begin(struct refreshes *refreshes, const struct load_order *order)
{
	struct refresh *refresh = calloc(1, sizeof(*refresh));
	int input = refresh ? fcntl(order->input, F_DUPFD_CLOEXEC, 0) : -1;
	int r = !refresh ? -ENOMEM : input < 0 ? -errno : 0;
	if (r == 0) {
		struct load_order own = *order;
		own.input = input;
		refresh->refreshes = refreshes;
		refresh->waiter.uid = order->owner;
		refresh->waiter.done = refresh_on_done;
		r = load_request_submit(refreshes->loader, &own, &refresh->waiter);
	}
	if (r < 0) {
		close_queue_drop(order->close_queue, &input);
		free(refresh);
		return r;
	}
	TAILQ_INSERT_TAIL(&refreshes->all, refresh, link);
	return 0;
}

/*
 * Two boxes that give the same size now may give two sizes for the new file, so each box is
 * loaded: the first box of each rendition, then the second, at most RENDITIONS_MAX in all.
 */
static int refresh_begin_all(
	struct refreshes *refreshes, const struct image *image, struct load_order *order)
{
	const struct rendition *rendition;
	unsigned count = 0;
	for (unsigned i = 0; i < RENDITION_BOXES; i++) {
		TAILQ_FOREACH (rendition, &image_current(image)->renditions, link) {
			if (i >= rendition->box_count || count++ >= RENDITIONS_MAX)
				continue;
			order->format = rendition->format;
			order->box = rendition->boxes[i];
			int r = refresh_begin(refreshes, order);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int refreshes_begin(struct refreshes *refreshes, const struct image *image, int input,
	struct close_queue *close_queue, const struct header_source *source)
{
	struct load_order order = {
		.name = image->name,
		.owner = image->owner,
		.group = image->group,
		.share = -1,
		.keep = -1,
		.input = input,
		.close_queue = close_queue,
		.source = *source,
		.batch = ++refreshes->loader->last_batch,
	};
	int r = refresh_begin_all(refreshes, image, &order);
	if (r < 0)
		refreshes_cancel(refreshes);
	return r;
}

void refreshes_cancel(struct refreshes *refreshes)
{
	struct refresh *refresh;
	while ((refresh = TAILQ_FIRST(&refreshes->all))) {
		TAILQ_REMOVE(&refreshes->all, refresh, link);
		load_request_cancel(&refresh->waiter);
		free(refresh);
	}
}
