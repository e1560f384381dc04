/*
 * Parses the command line by the table of options: the options before the verb, then the verb's own
 * options and operands. getopt_long(3) does the work; a reader for each option checks its value.
 */
#include "client/ctl/options.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl/draw.h"
#include "client/ctl/message.h"
#include "client/ctl/output.h"
#include "client/ctl/text.h"
#include "client/protocol/keep.h"
#include "client/protocol/name.h"
#include "client/protocol/share.h"
#include "client/protocol/wire.h"

const struct option_entry option_table[OPTION_COUNT] = {
#define X(constant, word, letter, argument, verbs, help) \
	[OPTION_##constant] = {word, letter, argument, verbs, help},
	OPTION_TABLE(X)
#undef X
};

enum { LONG_BASE = 256, LETTERS_SIZE = 2 * OPTION_COUNT + 3 };

/* The options as getopt_long(3) takes them. */
struct grammar {
	struct option longs[OPTION_COUNT + 1];
	char letters[LETTERS_SIZE];
};

/* Fills in the options of a verb; without a verb, the options that every verb has. */
static void options_fill_grammar(struct grammar *grammar, enum verb_id verb, const char *mode)
{
	memset(grammar, 0, sizeof(*grammar));
	struct option *next = grammar->longs;
	char *letter = stpcpy(grammar->letters, mode);
	unsigned wanted = verb == VERB_NONE ? EVERY_VERB : 1u << verb;
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_entry *entry = &option_table[i];
		if ((entry->verbs & wanted) != wanted)
			continue;
		*next++ = (struct option){.name = entry->word,
			.has_arg = entry->argument ? required_argument : no_argument,
			.val = LONG_BASE + i};
		if (entry->letter)
			*letter++ = entry->letter;
		if (entry->letter && entry->argument)
			*letter++ = ':';
	}
}

static int options_find(int found)
{
	if (found >= LONG_BASE)
		return found - LONG_BASE;
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (option_table[i].letter == found)
			return i;
	}
	return -1;
}

static int options_print_wrong(int found, char **arguments)
{
	const char *text = arguments[optind - 1];
	int letter = optopt > 0 && optopt < LONG_BASE ? optopt : 0;
	if (found == ':')
		message_print("option %s needs an argument (see --help)", text);
	else if (letter)
		message_print("unknown option -%c (see --help)", letter);
	else
		message_print("option %s is unknown, ambiguous, or has an argument that it does "
			      "not take (see --help)",
			text);
	return -EINVAL;
}

/* Collects the values of options. Returns 0 and optind at the first operand, or -EINVAL. */
static int options_collect(struct options *options, int count, char **arguments, const char *mode)
{
	struct grammar grammar;
	options_fill_grammar(&grammar, options->verb, mode);
	opterr = 0;
	optind = 0; /* glibc: begin anew */
	for (;;) {
		int found = getopt_long(count, arguments, grammar.letters, grammar.longs, NULL);
		if (found == -1)
			return 0;
		if (found == '?' || found == ':')
			return options_print_wrong(found, arguments);
		options->values[options_find(found)] = optarg ? optarg : "";
	}
}

static int options_print_bad_value(enum option_id id, const char *value)
{
	const struct option_entry *entry = &option_table[id];
	message_print("--%s %s: not a valid value; give %s (see --help)", entry->word, value,
		entry->argument);
	return -EINVAL;
}

static int options_read_format(const char *text, struct options *options)
{
	int format = shmimg_format_parse(text);
	options->image.format = (enum shmimg_format)(format < 0 ? SHMIMG_DEFAULT : format);
	return format < 0 ? format : 0;
}

static int options_read_share(const char *text, struct options *options)
{
	int share = share_from_string(text);
	options->image.share = (enum shmimg_share)(share < 0 ? SHMIMG_PRIVATE : share);
	return share < 0 ? share : 0;
}

static int options_read_keep(const char *text, struct options *options)
{
	int keep = keep_from_string(text);
	options->image.keep = (enum shmimg_keep)(keep < 0 ? SHMIMG_CACHE : keep);
	return keep < 0 ? keep : 0;
}

static int options_read_owner(const char *text, struct options *options)
{
	static const struct {
		const char *word;
		int64_t owner;
	} words[] = {{"me", SHMIMG_OWNER_SELF}, {"any", SHMIMG_OWNER_ANY}};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(text, words[i].word) == 0) {
			options->image.owner = words[i].owner;
			return 0;
		}
	}
	uint64_t number;
	const struct passwd *user = getpwnam(text);
	if (user)
		number = user->pw_uid;
	else if (wire_number(text, UINT32_MAX - 1, &number) < 0)
		return -EINVAL;
	options->image.owner = (int64_t)number;
	return 0;
}

static int options_read_watch(const char *text, struct options *options)
{
	(void)text;
	options->image.follow = SHMIMG_FOLLOW;
	return 0;
}

static int options_read_no_watch(const char *text, struct options *options)
{
	(void)text;
	options->image.follow = SHMIMG_UNFOLLOW;
	return 0;
}

static int options_read_quality(const char *text, struct options *options)
{
	uint64_t number;
	if (wire_number(text, 100, &number) < 0 || number == 0)
		return -EINVAL;
	options->quality = (int)number;
	return 0;
}

static int options_read_timeout(const char *text, struct options *options)
{
	return text_parse_seconds(text, &options->timeout_ms);
}

static int options_read_wait(const char *text, struct options *options)
{
	return text_parse_seconds(text, &options->wait_ms);
}

static int options_read_size(const char *text, struct options *options)
{
	enum { SIDE_MAX = 1000 };
	char end;
	if (strspn(text, "0123456789x") != strlen(text) ||
		sscanf(text, "%5ux%5u%c", &options->columns, &options->rows, &end) != 2)
		return -EINVAL;
	bool fits = options->columns > 0 && options->columns <= SIDE_MAX && options->rows > 0 &&
		    options->rows <= SIDE_MAX;
	return fits ? 0 : -EINVAL;
}

static int options_read_side(const char *text, uint32_t *side)
{
	uint64_t number;
	if (wire_number(text, INT32_MAX, &number) < 0 || number == 0)
		return -EINVAL;
	*side = (uint32_t)number;
	return 0;
}

static int options_read_width(const char *text, struct options *options)
{
	return options_read_side(text, &options->image.width);
}

static int options_read_height(const char *text, struct options *options)
{
	return options_read_side(text, &options->image.height);
}

static int options_read_background(const char *text, struct options *options)
{
	if (strlen(text) != 6 || strspn(text, "0123456789abcdefABCDEF") != 6)
		return -EINVAL;
	unsigned long colour = strtoul(text, NULL, 16);
	for (unsigned i = 0; i < 3; i++)
		options->background[i] = (uint8_t)(colour >> (16 - 8 * i));
	return 0;
}

static int options_read_mode(const char *text, struct options *options)
{
	(void)options;
	return strcmp(text, "auto") == 0 || draw_mode_from_string(text) ? 0 : -EINVAL;
}

static int options_read_interval(const char *text, struct options *options)
{
	int result = text_parse_seconds(text, &options->interval_ms);
	return result == 0 && options->interval_ms == 0 ? -EINVAL : result;
}

static int options_read_as(const char *text, struct options *options)
{
	(void)options;
	return output_from_string(text) ? 0 : -EINVAL;
}

static int options_read_name(const char *text, struct options *options)
{
	(void)options;
	const char *fault = name_check(text);
	if (fault)
		message_print("--name: %s", fault);
	return fault ? -EINVAL : 0;
}

/* Reads the values of the options. */
static int options_interpret(struct options *options)
{
	static int (*const readers[OPTION_COUNT])(const char *, struct options *) = {
		[OPTION_AS] = options_read_as,
		[OPTION_BACKGROUND] = options_read_background,
		[OPTION_FORMAT] = options_read_format,
		[OPTION_HEIGHT] = options_read_height,
		[OPTION_INTERVAL] = options_read_interval,
		[OPTION_KEEP] = options_read_keep,
		[OPTION_MODE] = options_read_mode,
		[OPTION_NAME] = options_read_name,
		[OPTION_NO_WATCH] = options_read_no_watch,
		[OPTION_OWNER] = options_read_owner,
		[OPTION_QUALITY] = options_read_quality,
		[OPTION_SHARE] = options_read_share,
		[OPTION_SIZE] = options_read_size,
		[OPTION_TIMEOUT] = options_read_timeout,
		[OPTION_WAIT] = options_read_wait,
		[OPTION_WATCH] = options_read_watch,
		[OPTION_WIDTH] = options_read_width,
	};
	for (int i = 0; i < OPTION_COUNT; i++) {
		const char *value = options->values[i];
		if (value && readers[i] && readers[i](value, options) < 0)
			return options_print_bad_value((enum option_id)i, value);
	}
	return 0;
}

static int options_find_question(const struct options *options)
{
	if (options->values[OPTION_HELP])
		return OPTIONS_HELP;
	return options->values[OPTION_VERSION] ? OPTIONS_VERSION : 0;
}

static int options_print_usage(enum verb_id id)
{
	const char *synopsis = verb_table[id].synopsis;
	message_print("usage: shmimgctl %s [OPTION...]%s%s (see --help)", verb_to_string(id),
		*synopsis ? " " : "", synopsis);
	return -EINVAL;
}

/* Parses the options and operands after the verb, which is arguments[0]. */
static int options_take_operands(struct options *options, int count, char **arguments)
{
	const struct verb *verb = &verb_table[options->verb];
	int result = options_collect(options, count, arguments, ":");
	if (result == 0)
		result = options_find_question(options);
	if (result != 0)
		return result;
	options->count = count - optind;
	options->operands = arguments + optind;
	if (options->count < verb->min || (verb->max >= 0 && options->count > verb->max))
		return options_print_usage(options->verb);
	return 0;
}

/*
 * Parses "NAME -- COMMAND...": options after "--" are the command's. getopt_long(3) moves the name
 * to the end of its side; it then replaces "--", so that name and command are the operands.
 */
static int options_take_command(struct options *options, int count, char **arguments)
{
	int dash = 1;
	while (dash < count && strcmp(arguments[dash], "--") != 0)
		dash++;
	int result = options_collect(options, dash, arguments, ":");
	if (result == 0)
		result = options_find_question(options);
	if (result != 0)
		return result;
	if (dash - optind != 1 || count - dash < 2)
		return options_print_usage(options->verb);
	arguments[dash] = arguments[dash - 1];
	options->count = count - dash;
	options->operands = arguments + dash;
	return 0;
}

int options_parse(struct options *options, int count, char **arguments)
{
	*options = (struct options){.verb = VERB_NONE,
		.image = SHMIMG_OPTIONS_INIT,
		.quality = 90,
		.interval_ms = 2000,
		.timeout_ms = -1,
		.wait_ms = -1};
	int result = options_collect(options, count, arguments, "+:");
	if (result == 0)
		result = options_find_question(options);
	if (result != 0)
		return result;
	int first = optind;
	if (first >= count) {
		message_print("no command given (see --help)");
		return -EINVAL;
	}
	options->verb = verb_from_string(arguments[first]);
	if (options->verb == VERB_NONE) {
		message_print("there is no command %s (see --help)", arguments[first]);
		return -EINVAL;
	}
	result = options->verb == VERB_LOCK
			 ? options_take_command(options, count - first, arguments + first)
			 : options_take_operands(options, count - first, arguments + first);
	return result != 0 ? result : options_interpret(options);
}
