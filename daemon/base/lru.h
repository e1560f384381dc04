/*
 * An LRU list: nodes in the order of their last use, their number, and the sum of their bytes. Each
 * node is a member of a struct of the caller. The list does not own the nodes.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

struct lru_node {
	TAILQ_ENTRY(lru_node) link; /* while it is in a list */
	uint64_t bytes;		    /* above 0 while it is in a list */
};

struct lru {
	TAILQ_HEAD(lru_nodes, lru_node) nodes; /* most recently used first */
	uint64_t count;
	uint64_t bytes;
};

void lru_init(struct lru *lru);

/* Adds a node that is in no list as the most recently used. bytes is above 0. */
void lru_insert(struct lru *lru, struct lru_node *node, uint64_t bytes);

/* Removes a node from the list that it is in. */
void lru_remove(struct lru *lru, struct lru_node *node);

/* Makes a node of the list the most recently used. */
void lru_touch(struct lru *lru, struct lru_node *node);

/* Changes the bytes of a node of the list. The order stays the same. bytes is above 0. */
void lru_resize(struct lru *lru, struct lru_node *node, uint64_t bytes);

/* The least recently used node, or NULL. */
struct lru_node *lru_last(const struct lru *lru);
