/*
 * The loads under way.
 *
 * They are in one tree, by name, owner and number. Numbers grow, so the loads of an image are
 * neighbours in the tree, in the order in which they were requested.
 */
#include "daemon/engine/loader.h"

#include <string.h>

#include "client/protocol/header.h"

/* By name and owner. */
static int loader_compare_image(const char *name, uid_t owner, const struct load *load)
{
	int order = strcmp(name, load->name);
	return order ? order : (owner > load->order.owner) - (owner < load->order.owner);
}

static int loader_compare(const struct load *a, const struct load *b)
{
	int order = loader_compare_image(a->name, a->order.owner, b);
	return order ? order : (a->number > b->number) - (a->number < b->number);
}

RB_GENERATE_INTERNAL(load_tree, load, node, loader_compare, __attribute__((unused)) static)

void loader_init(struct loader *loader)
{
	RB_INIT(&loader->loads);
	loader->count = 0;
	loader->last_number = loader->last_batch = 0;
}

void loader_add(struct loader *loader, struct load *load)
{
	load->loader = loader;
	load->number = ++loader->last_number;
	RB_INSERT(load_tree, &loader->loads, load);
	loader->count++;
}

void loader_remove(struct loader *loader, struct load *load)
{
	RB_REMOVE(load_tree, &loader->loads, load);
	loader->count--;
}

struct load *loader_first(const struct loader *loader, const char *name, uid_t owner)
{
	struct load *load = RB_ROOT(&loader->loads), *found = NULL;
	while (load) {
		int order = loader_compare_image(name, owner, load);
		if (order == 0)
			found = load;
		load = order <= 0 ? RB_LEFT(load, node) : RB_RIGHT(load, node);
	}
	return found;
}

struct load *loader_next(struct load *load)
{
	struct load *next = RB_NEXT(load_tree, &load->loader->loads, load);
	return next && loader_compare_image(load->name, load->order.owner, next) == 0 ? next : NULL;
}

static bool loader_is_equal(const struct load_order *a, const struct load_order *b)
{
	return a->format == b->format && a->box.width == b->box.width &&
	       a->box.height == b->box.height && a->share == b->share && a->group == b->group &&
	       header_source_equal(&a->source, &b->source);
}

struct load *loader_find(const struct loader *loader, const struct load_order *order)
{
	struct load *load = loader_first(loader, order->name, order->owner);
	while (load && !loader_is_equal(&load->order, order))
		load = loader_next(load);
	return load;
}
