/*
 * The questions to a terminal, and the parsers of its answers.
 */
#include "client/ctl/terminal-traits.h"

#include <stdio.h>
#include <string.h>

#include "client/ctl/shared-copy.h"

/*
 * The questions, from the documents of kitty ("Terminal graphics protocol") and of xterm ("XTerm
 * Control Sequences"): kitty's graphics, the same from shared memory, the colour of the background
 * (OSC 11), and the size of a cell (16 t). The device attributes (DA1) come last: every terminal
 * answers that, so its answer ends the wait.
 */
#define ASK_KITTY      "\033_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\033\\"
#define ASK_SHARED     "\033_Gi=32,s=1,v=1,a=q,t=s,f=24;%s\033\\"
#define ASK_BACKGROUND "\033]11;?\033\\"
#define ASK_CELL       "\033[16t"
#define ASK_ATTRIBUTES "\033[c"

#define ANSWER_KITTY	  "\033_Gi=31;OK\033\\"
#define ANSWER_SHARED	  "\033_Gi=32;OK\033\\"
#define ANSWER_BACKGROUND "\033]11;rgb:"
#define ANSWER_CELL	  "\033[6;"
#define ANSWER_ATTRIBUTES "\033[?"

/* The numbers of an answer to DA1 up to its "c", or NULL. */
static const char *terminal_traits_find_attributes(const char *answers)
{
	const char *found = strstr(answers, ANSWER_ATTRIBUTES);
	for (; found; found = strstr(found, ANSWER_ATTRIBUTES)) {
		found += strlen(ANSWER_ATTRIBUTES);
		if (found[strspn(found, "0123456789;")] == 'c')
			return found;
	}
	return NULL;
}

bool terminal_traits_whole(const char *answers)
{
	return terminal_traits_find_attributes(answers) != NULL;
}

/* Attribute 4; the first number is the kind of terminal. */
static bool terminal_traits_has_sixel(const char *attributes)
{
	for (attributes = strchr(attributes, ';'); attributes && *attributes == ';';) {
		size_t digits = strspn(++attributes, "0123456789");
		if (digits == 1 && *attributes == '4')
			return true;
		attributes += digits;
	}
	return false;
}

/* "rgb:ffff/8080/0" (XParseColor(3)): 1 to 4 digits for each channel. */
static bool terminal_traits_read_colour(const char *text, uint8_t colour[3])
{
	for (int i = 0; i < 3; i++) {
		unsigned value;
		int length = 0;
		if (strspn(text, "0123456789abcdefABCDEF") == 0 ||
			sscanf(text, "%4x%n", &value, &length) != 1)
			return false;
		unsigned max = (1u << 4 * (unsigned)length) - 1;
		colour[i] = (uint8_t)((value * 255 + max / 2) / max);
		text += length;
		if (i < 2 && *text++ != '/')
			return false;
	}
	return *text == '\033' || *text == '\a';
}

static void terminal_traits_read_cell(const char *text, struct terminal_traits *traits)
{
	unsigned height, width;
	char end;
	if (sscanf(text, "%5u;%5u%c", &height, &width, &end) != 3 || end != 't')
		return;
	if (height == 0 || width == 0 || height > 1000 || width > 1000)
		return;
	traits->cell_width = width;
	traits->cell_height = height;
}

struct terminal_traits terminal_traits_read(const char *answers)
{
	struct terminal_traits traits = {0};
	const char *found = terminal_traits_find_attributes(answers);
	traits.sixel = found && terminal_traits_has_sixel(found);
	traits.kitty = strstr(answers, ANSWER_KITTY);
	traits.shared = traits.kitty && strstr(answers, ANSWER_SHARED);
	found = strstr(answers, ANSWER_BACKGROUND);
	if (found)
		traits.has_background = terminal_traits_read_colour(
			found + strlen(ANSWER_BACKGROUND), traits.background);
	found = strstr(answers, ANSWER_CELL);
	if (found)
		terminal_traits_read_cell(found + strlen(ANSWER_CELL), &traits);
	return traits;
}

void terminal_traits_ask(struct terminal *terminal, int timeout_ms, struct terminal_traits *traits)
{
	struct shared_copy copy;
	char answers[4096] = "";
	char text[512];
	static const uint8_t black[3] = {0};
	*traits = (struct terminal_traits){0};
	if (terminal_quiet(terminal) < 0)
		return;
	int length = snprintf(text, sizeof(text), "%s", ASK_KITTY);
	bool has_copy = shared_copy_make(&copy, black, sizeof(black)) == 0;
	if (has_copy)
		length += snprintf(text + length, sizeof(text) - (size_t)length, ASK_SHARED,
			copy.encoded_name);
	snprintf(text + length, sizeof(text) - (size_t)length, "%s",
		ASK_BACKGROUND ASK_CELL ASK_ATTRIBUTES);
	terminal_ask(terminal, text, terminal_traits_whole, answers, sizeof(answers), timeout_ms);
	if (has_copy)
		shared_copy_remove(&copy);
	terminal_restore(terminal);
	*traits = terminal_traits_read(answers);
}
