/*
 * The next generation of an image whose file has changed.
 * See renewal.h for what it does and never does.
 */
#include "daemon/engine/refresh.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/engine/engine.h"
#include "daemon/engine/load-request.h"

/* One rendition of the new generation, being loaded. */
struct renewal {
	struct load load; /* first: the load is the renewal */
	TAILQ_ENTRY(renewal) link;
	struct renewals *renewals;
};

static void refresh_on_landed(
	struct load *load, struct rendition *rendition, enum fault fault, const char *message)
{
	struct renewal *renewal = (struct renewal *)load;
	struct renewals *renewals = renewal->renewals;
	TAILQ_REMOVE(&renewals->all, renewal, link);
	renewals->landed(renewals->context, rendition, fault, message);
}

static int refresh_renew(struct renewals *renewals, const struct load_order *order)
{
	struct renewal *renewal = calloc(1, sizeof(*renewal));
	int input = renewal ? fcntl(order->input, F_DUPFD_CLOEXEC, 0) : -1;
	int r = !renewal ? -ENOMEM : input < 0 ? -errno : 0;
	if (r == 0) {
		struct load_order own = *order;
		own.input = input;
		renewal->renewals = renewals;
		renewal->load.answer = refresh_on_landed;
		r = load_join(renewals->engine, &own, &renewal->load);
	}
	if (r < 0) {
		close_queue_drop(order->close_queue, &input);
		free(renewal);
		return r;
	}
	TAILQ_INSERT_TAIL(&renewals->all, renewal, link);
	return 0;
}

/*
 * What the boxes lead to may be one size now and several then; those that were asked for first
 * come first, and no more than a generation may have.
 */
static int refresh_renew_all(
	struct renewals *renewals, const struct image *image, struct load_order *order)
{
	const struct rendition *rendition;
	unsigned count = 0;
	for (unsigned i = 0; i < RENDITION_BOXES; i++) {
		TAILQ_FOREACH (rendition, &image_current(image)->renditions, link) {
			if (i >= rendition->box_count || count++ >= RENDITIONS_MAX)
				continue;
			order->format = rendition->format;
			order->box = rendition->boxes[i];
			int r = refresh_renew(renewals, order);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int renewals_begin(struct renewals *renewals, const struct image *image, int input,
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
		.together = ++renewals->engine->together,
	};
	int r = refresh_renew_all(renewals, image, &order);
	if (r < 0)
		renewals_cancel(renewals);
	return r;
}

void renewals_cancel(struct renewals *renewals)
{
	struct renewal *renewal;
	while ((renewal = TAILQ_FIRST(&renewals->all))) {
		TAILQ_REMOVE(&renewals->all, renewal, link);
		load_cancel(&renewal->load);
	}
}
