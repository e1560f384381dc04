/*
 * The pins of a client: a sorted array.
 */
#include "client/lib/pins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Below 0, 0 or above 0, if a sorts before b, is equal to it, or sorts after it. */
static int pins_compare(const struct pinned *a, const struct pinned *b)
{
	if (a->generation != b->generation)
		return a->generation < b->generation ? -1 : 1;
	if (a->format != b->format)
		return a->format < b->format ? -1 : 1;
	if (a->size.width != b->size.width)
		return a->size.width < b->size.width ? -1 : 1;
	return (a->size.height > b->size.height) - (a->size.height < b->size.height);
}

/* The index of a pin, or the index at which to insert it. */
static size_t pins_index_of(const struct pins *pins, const struct pinned *what)
{
	size_t low = 0, high = pins->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (pins_compare(&pins->all[middle]->what, what) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct pin *pins_find(const struct pins *pins, const struct pinned *what)
{
	size_t index = pins_index_of(pins, what);
	if (index == pins->count)
		return NULL;
	struct pin *pin = pins->all[index];
	return pins_compare(&pin->what, what) == 0 ? pin : NULL;
}

static int pins_reserve(struct pins *pins)
{
	if (pins->count < pins->capacity)
		return 0;
	size_t capacity = pins->capacity ? 2 * pins->capacity : 8;
	struct pin **all = reallocarray(pins->all, capacity, sizeof(struct pin *));
	if (!all)
		return -ENOMEM;
	pins->all = all;
	pins->capacity = capacity;
	return 0;
}

int pins_add(struct pins *pins, const char *name, uid_t owner, const struct pinned *what)
{
	struct pin *pin = pins_find(pins, what);
	if (pin) {
		pins_hold(pins, pin);
		return 0;
	}
	size_t size = strlen(name) + 1;
	if (pins_reserve(pins) < 0 || !(pin = malloc(sizeof(*pin) + size)))
		return -ENOMEM;
	*pin = (struct pin){.what = *what, .owner = owner, .held = true};
	memcpy(pin->name, name, size);
	size_t index = pins_index_of(pins, what);
	struct pin **at = pins->all + index;
	memmove(at + 1, at, (pins->count - index) * sizeof(struct pin *));
	*at = pin;
	pins->count++;
	return 0;
}

void pins_hold(struct pins *pins, struct pin *pin)
{
	pins->missing -= !pin->held;
	pin->held = true;
}

void pins_forget(struct pins *pins, struct pin *pin)
{
	size_t index = pins_index_of(pins, &pin->what);
	struct pin **at = pins->all + index;
	pins->count--;
	pins->missing -= !pin->held;
	memmove(at, at + 1, (pins->count - index) * sizeof(struct pin *));
	free(pin);
}

void pins_lose(struct pins *pins)
{
	for (size_t i = 0; i < pins->count; i++)
		pins->all[i]->held = false;
	pins->missing = pins->count;
}

void pins_clear(struct pins *pins)
{
	for (size_t i = 0; i < pins->count; i++)
		free(pins->all[i]);
	free(pins->all);
	*pins = (struct pins){0};
}
