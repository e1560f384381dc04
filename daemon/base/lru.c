/*
 * The sums are kept up to date with each change, so that reading them and finding the least
 * recently used node take the same time for any number of nodes.
 */
#include "daemon/base/lru.h"

#include <stddef.h>

void lru_init(struct lru *lru)
{
	*lru = (struct lru){.count = 0};
	TAILQ_INIT(&lru->nodes);
}

void lru_insert(struct lru *lru, struct lru_node *node, uint64_t bytes)
{
	TAILQ_INSERT_HEAD(&lru->nodes, node, link);
	node->bytes = bytes;
	lru->count++;
	lru->bytes += bytes;
}

void lru_remove(struct lru *lru, struct lru_node *node)
{
	TAILQ_REMOVE(&lru->nodes, node, link);
	lru->count--;
	lru->bytes -= node->bytes;
	node->bytes = 0;
}

void lru_touch(struct lru *lru, struct lru_node *node)
{
	TAILQ_REMOVE(&lru->nodes, node, link);
	TAILQ_INSERT_HEAD(&lru->nodes, node, link);
}

void lru_resize(struct lru *lru, struct lru_node *node, uint64_t bytes)
{
	lru->bytes += bytes - node->bytes;
	node->bytes = bytes;
}

struct lru_node *lru_last(const struct lru *lru)
{
	return TAILQ_LAST(&lru->nodes, lru_nodes);
}
