/*
 * A pattern is a list of elements: each matches one character. State i of the matcher means that
 * the name up to here matches the first i elements; a '*' lets its state stay as it is. All states
 * are bits, so one character of the name moves 64 states at a time:
 *
 *     next = (states & row of the character) << 1 | (states & stars)
 *
 * The row has a bit for each element that matches the character. All characters between two
 * neighbouring boundaries of the pattern's sets have the same row. Compiling sorts the
 * boundaries, walks over them and keeps the different rows: a bit changes where an element begins
 * or ceases to match, counting the ranges of a set that have the character. So nothing is ever
 * tried twice, and no pattern takes longer than its number of words for each character.
 */
#include "daemon/base/glob.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	WORD_BITS = 64,
	WORDS_MAX = GLOB_PATTERN_MAX / WORD_BITS + 1, /* there is one state more than elements */
	ASCII = 128,
	NO_CHARACTER = 0x110000,	    /* the first number that is no character of Unicode */
	CHANGES_MAX = 2 * GLOB_PATTERN_MAX, /* a range takes at least one byte */
	DIGIT_BITS = 11,		    /* two digits have all characters */
	DIGITS = 1 << DIGIT_BITS,
	SLOTS = 4096, /* of the hash table of rows: more than there are changes */
};

_Static_assert(SLOTS > CHANGES_MAX, "the hash table of rows always has a free slot");

/* Characters from this one up to the next interval have this row. */
struct glob_interval {
	uint32_t first;
	uint32_t row;
};

struct glob {
	size_t size;
	unsigned elements;
	unsigned words; /* of a row */
	uint64_t stars[WORDS_MAX];
	uint16_t ascii[ASCII]; /* the rows of these characters */
	unsigned interval_count;
	unsigned row_count;
	struct glob_interval *intervals; /* behind the rows */
	uint64_t rows[];
};

/* From this character on, one more range of an element has the characters, or one less. */
struct glob_change {
	uint32_t character;
	int16_t element;
	int16_t difference; /* in the number of the element's ranges with the character: 1 or -1 */
};

/* What is known of a pattern while it is compiled. */
struct glob_compiler {
	unsigned elements;
	unsigned change_count;
	unsigned row_count;
	unsigned interval_count;
	bool unclosed; /* a '[' had no ']', so none after it has one */
	uint64_t stars[WORDS_MAX];
	uint64_t inverted[WORDS_MAX]; /* elements that match what no range has */
	struct glob_change changes[CHANGES_MAX];
	struct glob_change sorted[CHANGES_MAX];
	int16_t ranges[GLOB_PATTERN_MAX]; /* of each element, that have the character */
	struct glob_interval intervals[CHANGES_MAX + 1];
	uint16_t slots[SLOTS]; /* row + 1; 0: free */
	uint64_t *rows;
};

/*
 * Reads a character of UTF-8 and goes behind it. A byte that begins no character gives a number
 * above those of all characters.
 */
static uint32_t glob_read(const char **text)
{
	const unsigned char *bytes = (const unsigned char *)*text;
	unsigned length = *bytes >= 0xf0 ? 4 : *bytes >= 0xe0 ? 3 : *bytes >= 0xc0 ? 2 : 1;
	uint32_t character = length == 1 ? *bytes : *bytes & (0xffu >> (length + 1));
	bool valid = *bytes < 0x80 || length > 1;
	for (unsigned i = 1; i < length && valid; i++) {
		valid = (bytes[i] & 0xc0) == 0x80;
		character = character << 6 | (bytes[i] & 0x3f);
	}
	*text += valid ? length : 1;
	return valid && character < NO_CHARACTER ? character : NO_CHARACTER + (uint32_t)*bytes;
}

/* As glob_read(), but a '\' stands for the character after it. */
static uint32_t glob_read_escaped(const char **pattern)
{
	if (**pattern == '\\' && (*pattern)[1])
		++*pattern;
	return glob_read(pattern);
}

/* The element matches these characters; in an inverted set, these it does not match. */
static void glob_add_range(struct glob_compiler *compiler, uint32_t low, uint32_t high)
{
	struct glob_change *changes = compiler->changes + compiler->change_count;
	changes[0] = (struct glob_change){low, (int16_t)compiler->elements, 1};
	changes[1] = (struct glob_change){high + 1, (int16_t)compiler->elements, -1};
	compiler->change_count += 2;
}

/* The element matches all characters but those that are added. */
static void glob_invert(struct glob_compiler *compiler)
{
	compiler->inverted[compiler->elements / WORD_BITS] |= UINT64_C(1)
							      << compiler->elements % WORD_BITS;
}

/*
 * Adds the set after a '['. Returns the pattern after its ']', or NULL without one; then nothing
 * was added.
 */
static const char *glob_compile_set(struct glob_compiler *compiler, const char *pattern)
{
	bool inverted = *pattern == '!' || *pattern == '^';
	unsigned count = compiler->change_count;
	if (inverted)
		pattern++;
	for (bool first = true; *pattern && (first || *pattern != ']'); first = false) {
		uint32_t low = glob_read_escaped(&pattern), high = low;
		if (*pattern == '-' && pattern[1] && pattern[1] != ']') {
			pattern++;
			high = glob_read_escaped(&pattern);
		}
		if (low <= high)
			glob_add_range(compiler, low, high);
	}
	if (!*pattern) {
		compiler->change_count = count;
		return NULL;
	}
	if (inverted)
		glob_invert(compiler);
	return pattern + 1;
}

/* Adds an element that matches one character. Returns the rest of the pattern. */
static const char *glob_compile_element(struct glob_compiler *compiler, const char *pattern)
{
	if (*pattern == '?') {
		glob_invert(compiler);
		return pattern + 1;
	}
	if (*pattern == '[' && !compiler->unclosed) {
		const char *rest = glob_compile_set(compiler, pattern + 1);
		if (rest)
			return rest;
		compiler->unclosed = true;
	}
	uint32_t character = glob_read_escaped(&pattern);
	glob_add_range(compiler, character, character);
	return pattern;
}

static void glob_compile_elements(struct glob_compiler *compiler, const char *pattern)
{
	while (*pattern) {
		if (*pattern == '*') {
			compiler->stars[compiler->elements / WORD_BITS] |=
				UINT64_C(1) << compiler->elements % WORD_BITS;
			pattern++;
		} else {
			pattern = glob_compile_element(compiler, pattern);
			compiler->elements++;
		}
	}
}

/* Sorts the changes by DIGIT_BITS bits of their characters, and keeps the order of equal ones. */
static void glob_sort_by_digit(const struct glob_change *changes, struct glob_change *sorted,
	unsigned count, unsigned shift)
{
	uint16_t starts[DIGITS + 1] = {0};
	for (unsigned i = 0; i < count; i++)
		starts[(changes[i].character >> shift) % DIGITS + 1]++;
	for (unsigned digit = 0; digit < DIGITS; digit++)
		starts[digit + 1] = (uint16_t)(starts[digit + 1] + starts[digit]);
	for (unsigned i = 0; i < count; i++)
		sorted[starts[(changes[i].character >> shift) % DIGITS]++] = changes[i];
}

/* Returns the number of a row, which is added if there is no equal one. */
static unsigned glob_find_row(struct glob_compiler *compiler, const uint64_t *row, unsigned words)
{
	uint64_t hash = 0;
	for (unsigned i = 0; i < words; i++)
		hash = (hash ^ row[i]) * UINT64_C(0x9e3779b97f4a7c15);
	unsigned slot = (unsigned)(hash >> 52);
	for (; compiler->slots[slot]; slot = (slot + 1) % SLOTS) {
		unsigned number = compiler->slots[slot] - 1u;
		if (memcmp(compiler->rows + number * words, row, words * sizeof(*row)) == 0)
			return number;
	}
	memcpy(compiler->rows + compiler->row_count * words, row, words * sizeof(*row));
	compiler->slots[slot] = (uint16_t)(compiler->row_count + 1);
	return compiler->row_count++;
}

/* Changes the row of the characters before to that of the character of the change and after. */
static void glob_apply(
	struct glob_compiler *compiler, const struct glob_change *change, uint64_t *row)
{
	int16_t *ranges = compiler->ranges + change->element;
	bool before = *ranges > 0;
	*ranges = (int16_t)(*ranges + change->difference);
	if (before != (*ranges > 0))
		row[change->element / WORD_BITS] ^= UINT64_C(1) << change->element % WORD_BITS;
}

/* Walks over the changes in the order of their characters, and makes the intervals and rows. */
static void glob_compile_rows(struct glob_compiler *compiler, unsigned words)
{
	uint32_t first = 0;
	uint64_t *row = compiler->inverted;
	const struct glob_change *changes = compiler->changes;
	glob_sort_by_digit(changes, compiler->sorted, compiler->change_count, 0);
	glob_sort_by_digit(compiler->sorted, compiler->changes, compiler->change_count, DIGIT_BITS);
	for (unsigned i = 0;;) {
		for (; i < compiler->change_count && changes[i].character == first; i++)
			glob_apply(compiler, &changes[i], row);
		compiler->intervals[compiler->interval_count++] =
			(struct glob_interval){first, glob_find_row(compiler, row, words)};
		if (i == compiler->change_count)
			break;
		first = changes[i].character;
	}
}

/* The row of a character; the intervals begin at 0. */
static uint32_t glob_find_interval(const struct glob *glob, uint32_t character)
{
	unsigned low = 0, high = glob->interval_count;
	while (high - low > 1) {
		unsigned middle = (low + high) / 2;
		if (glob->intervals[middle].first <= character)
			low = middle;
		else
			high = middle;
	}
	return glob->intervals[low].row;
}

static struct glob *glob_finish(const struct glob_compiler *compiler, unsigned words)
{
	size_t row_bytes = (size_t)compiler->row_count * words * sizeof(uint64_t);
	size_t interval_bytes = compiler->interval_count * sizeof(struct glob_interval);
	size_t size = sizeof(struct glob) + row_bytes + interval_bytes;
	struct glob *glob = calloc(1, size);
	if (!glob)
		return NULL;
	*glob = (struct glob){
		.size = size,
		.elements = compiler->elements,
		.words = words,
		.interval_count = compiler->interval_count,
		.row_count = compiler->row_count,
	};
	memcpy(glob->stars, compiler->stars, sizeof(glob->stars));
	memcpy(glob->rows, compiler->rows, row_bytes);
	glob->intervals = (struct glob_interval *)(glob->rows + compiler->row_count * words);
	memcpy(glob->intervals, compiler->intervals, interval_bytes);
	for (uint32_t character = 0; character < ASCII; character++)
		glob->ascii[character] = (uint16_t)glob_find_interval(glob, character);
	return glob;
}

struct glob *glob_compile(const char *pattern)
{
	struct glob *glob = NULL;
	assert(strlen(pattern) <= GLOB_PATTERN_MAX);
	struct glob_compiler *compiler = calloc(1, sizeof(*compiler));
	if (!compiler)
		return NULL;
	glob_compile_elements(compiler, pattern);
	unsigned words = compiler->elements / WORD_BITS + 1;
	compiler->rows = calloc((compiler->change_count + 1) * words, sizeof(uint64_t));
	if (compiler->rows) {
		glob_compile_rows(compiler, words);
		glob = glob_finish(compiler, words);
	}
	free(compiler->rows);
	free(compiler);
	return glob;
}

void glob_free(struct glob *glob)
{
	free(glob);
}

size_t glob_size(const struct glob *glob)
{
	return glob->size;
}

/* Moves all states over a character. Returns whether there is any state left. */
static bool glob_step(const struct glob *glob, const uint64_t *row, uint64_t *states)
{
	uint64_t carry = 0, any = 0;
	for (unsigned i = 0; i < glob->words; i++) {
		uint64_t moved = states[i] & row[i];
		states[i] = moved << 1 | carry | (states[i] & glob->stars[i]);
		carry = moved >> (WORD_BITS - 1);
		any |= states[i];
	}
	return any != 0;
}

bool glob_matches(const struct glob *glob, const char *name, uint64_t *steps)
{
	enum { SEARCH_STEPS = 4 };
	uint64_t states[WORDS_MAX] = {1};
	while (*name) {
		uint32_t character = glob_read(&name), row;
		bool ascii = character < ASCII;
		row = ascii ? glob->ascii[character] : glob_find_interval(glob, character);
		*steps += glob->words + (ascii ? 1 : SEARCH_STEPS);
		if (!glob_step(glob, glob->rows + row * glob->words, states))
			return false;
	}
	return states[glob->elements / WORD_BITS] >> glob->elements % WORD_BITS & 1;
}
