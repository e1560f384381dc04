/*
 * The options of the command line. One table makes the parser and the help; a test compares the
 * manual page and the completions with it.
 */
#pragma once

#include <stdbool.h>

#include "client/ctl/verb.h"
#include "client/include/shmimg.h"

#define VERB_BIT(verb)	   (1u << VERB_##verb)
#define EVERY_VERB	   ((1u << VERB_COUNT) - 1)
#define VERBS_WITH_FORMATS (VERB_BIT(LOAD) | VERB_BIT(FETCH) | VERB_BIT(STAT))
#define VERBS_WITH_BOXES   (VERBS_WITH_FORMATS | VERB_BIT(SHOW))
#define VERBS_WITH_NAMES \
	(VERB_BIT(FETCH) | VERB_BIT(STAT) | VERB_BIT(DROP) | VERB_BIT(LOCK) | VERB_BIT(SHOW))

/* Constant, long option, letter or 0, argument or NULL, verbs that have it, help. */
#define OPTION_TABLE(X)                                                                           \
	X(AS, "as", 0, "png|jpg|pam|raw", VERB_BIT(FETCH),                                        \
		"kind of file, whatever FILE's name is")                                          \
	X(BACKGROUND, "background", 0, "RRGGBB", VERB_BIT(SHOW),                                  \
		"colour under pixels that are not opaque")                                        \
	X(EXACT, "exact", 0, NULL, VERBS_WITH_NAMES, "NAME is never the path of a file")          \
	X(FORMAT, "format", 'f', "FORMAT", VERBS_WITH_FORMATS, "pixel format (RGBA8)")            \
	X(HEIGHT, "height", 0, "PIXELS", VERBS_WITH_BOXES, "scale down to at most this height")   \
	X(INTERVAL, "interval", 0, "SECONDS", VERB_BIT(TOP), "time between two readings (2)")     \
	X(KEEP, "keep", 0, "cache|pinned|attached", VERB_BIT(LOAD),                               \
		"until memory is needed, until dropped, while in use")                            \
	X(MODE, "mode", 'm', "auto|kitty|sixel|blocks|blocks256|plain", VERB_BIT(SHOW),           \
		"how to draw (auto)")                                                             \
	X(NAME, "name", 'n', "NAME", VERB_BIT(LOAD), "the image's name, instead of the path")     \
	X(NO_PROGRESS, "no-progress", 0, NULL, VERB_BIT(LOAD), "do not draw a progress bar")      \
	X(NO_WATCH, "no-watch", 0, NULL, VERB_BIT(LOAD), "end what --watch started")              \
	X(OUTPUT, "output", 'o', "FILE", VERB_BIT(FETCH),                                         \
		"write a .png, .jpg, .pam or .raw file, or - (raw)")                              \
	X(OWNER, "owner", 0, "USER|me|any", VERBS_WITH_NAMES,                                     \
		"whose image: a user's name or number, yours, or any")                            \
	X(QUALITY, "quality", 0, "1-100", VERB_BIT(FETCH), "quality of JPEG files (90)")          \
	X(QUIET, "quiet", 'q', NULL, VERB_BIT(LOAD), "print only errors")                         \
	X(SHARE, "share", 0, "private|group|all", VERB_BIT(LOAD), "who else can fetch the image") \
	X(SIZE, "size", 0, "COLUMNSxROWS", VERB_BIT(SHOW), "size in characters (the window's)")   \
	X(WAIT, "wait", 'w', "SECONDS", VERB_BIT(LOCK),                                           \
		"give up when others hold the lock for this long")                                \
	X(WATCH, "watch", 0, NULL, VERB_BIT(LOAD), "load the file again when it changes")         \
	X(WIDTH, "width", 0, "PIXELS", VERBS_WITH_BOXES, "scale down to at most this width")      \
	X(JSON, "json", 'j', NULL, EVERY_VERB, "print JSON, one object a line")                   \
	X(NO_AUTOSTART, "no-autostart", 0, NULL, EVERY_VERB,                                      \
		"do not start a daemon when none runs")                                           \
	X(SOCKET, "socket", 's', "PATH", EVERY_VERB, "the daemon's socket")                       \
	X(TIMEOUT, "timeout", 't', "SECONDS", EVERY_VERB, "how long to wait for the daemon")      \
	X(HELP, "help", 'h', NULL, EVERY_VERB, "print this help text")                            \
	X(VERSION, "version", 'V', NULL, EVERY_VERB, "print the version")

enum option_id {
#define X(constant, word, letter, argument, verbs, help) OPTION_##constant,
	OPTION_TABLE(X)
#undef X
		OPTION_COUNT,
};

struct option_entry {
	const char *word;
	char letter;
	const char *argument;
	unsigned verbs;
	const char *help;
};

extern const struct option_entry option_table[OPTION_COUNT];

struct options {
	enum verb_id verb;
	int count; /* operands */
	char **operands;
	const char *values[OPTION_COUNT]; /* as given; "" without argument; NULL: not given */
	struct shmimg_options image;
	int quality;
	int interval_ms;	/* at least 1 */
	unsigned columns, rows; /* with --size */
	uint8_t background[3];	/* R G B, with --background */
	int timeout_ms;		/* -1: no limit */
	int wait_ms;		/* -1: no limit */
};

/* Results of options_parse(): the user asked for this, and the verb must not run. */
enum { OPTIONS_HELP = 1, OPTIONS_VERSION };

/*
 * Parses a command line. Returns 0, OPTIONS_HELP (of options->verb, which may be VERB_NONE),
 * OPTIONS_VERSION, or -EINVAL after printing what is wrong with it.
 */
int options_parse(struct options *options, int count, char **arguments);
