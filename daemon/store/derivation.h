/*
 * Derivation: which rendition in memory another one can be made from, in place of the file, so
 * that nobody can tell, but for the time that it takes. Makes nothing itself.
 */
#pragma once

#include <stdbool.h>

struct load;

/*
 * Says what a flight's job is to be given: the segment of the rendition that it is served from
 * best, or its file. The image of that may go meanwhile: what is open stays whole.
 */
void derivation_begin(struct load *load);

/* Closes the segment. Returns whether there was one. */
bool derivation_end(struct load *load);
