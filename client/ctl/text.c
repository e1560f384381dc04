/*
 * Text for the user.
 */
#include "client/ctl/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

struct text text_bytes(uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	struct text text;
	if (bytes < 1024) {
		snprintf(text.data, sizeof(text.data), "%u B", (unsigned)bytes);
		return text;
	}
	double value = (double)bytes / 1024;
	size_t unit = 0;
	/* A value that would be printed as 1024.0 gets the next unit. */
	while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1024;
		unit++;
	}
	snprintf(text.data, sizeof(text.data), "%.1f %s", value, units[unit]);
	return text;
}

static struct text text_long_duration(unsigned long seconds)
{
	struct text text;
	unsigned long minutes = seconds / 60;
	unsigned long hours = minutes / 60;
	if (hours == 0)
		snprintf(text.data, sizeof(text.data), "%lu min %02lu s", minutes, seconds % 60);
	else if (hours < 24)
		snprintf(text.data, sizeof(text.data), "%lu h %02lu min", hours, minutes % 60);
	else
		snprintf(text.data, sizeof(text.data), "%lu d %lu h", hours / 24, hours % 24);
	return text;
}

struct text text_duration(double seconds)
{
	struct text text;
	if (seconds >= 59.95)
		return text_long_duration((unsigned long)(fmin(seconds, 1e15) + 0.5));
	if (seconds >= 0.99995)
		snprintf(text.data, sizeof(text.data), "%.1f s", seconds);
	else if (seconds >= 0.001)
		snprintf(text.data, sizeof(text.data), "%.1f ms", seconds * 1000);
	else
		snprintf(text.data, sizeof(text.data), "%.2f ms", fmax(seconds, 0) * 1000);
	return text;
}

struct text text_clock(double seconds)
{
	struct text text;
	unsigned long total = (unsigned long)(fmin(fmax(seconds, 0), 1e9) + 0.5);
	if (total < 3600)
		snprintf(text.data, sizeof(text.data), "%lu:%02lu", total / 60, total % 60);
	else
		snprintf(text.data, sizeof(text.data), "%lu:%02lu:%02lu", total / 3600,
			total / 60 % 60, total % 60);
	return text;
}

/* Reads a character; an invalid byte counts as one. Returns its length, 0 at the end. */
static size_t text_read_character(const char *text, uint32_t *character)
{
	unsigned char first = (unsigned char)text[0];
	size_t length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	*character = length == 1 ? first : first & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return i;
		*character = *character << 6 | ((unsigned char)text[i] & 0x3f);
	}
	return first ? length : 0;
}

struct range {
	uint32_t first, last;
};

static bool text_in_ranges(uint32_t character, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	}
	return false;
}

/* The most common ranges of East Asian Width (UAX #11) and of combining marks. */
static unsigned text_character_width(uint32_t character)
{
	static const struct range none[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd},
		{0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20f0},
		{0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
	static const struct range wide[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf},
		{0xa960, 0xa97c}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f},
		{0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
		{0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
	if (text_in_ranges(character, none, sizeof(none) / sizeof(*none)))
		return 0;
	return text_in_ranges(character, wide, sizeof(wide) / sizeof(*wide)) ? 2 : 1;
}

unsigned text_width(const char *text)
{
	unsigned width = 0;
	uint32_t character;
	for (size_t length; (length = text_read_character(text, &character)) > 0; text += length)
		width += text_character_width(character);
	return width;
}

/* The length of the start of a text that fits in columns, in bytes. */
static size_t text_head_within(const char *text, unsigned columns)
{
	size_t bytes = 0;
	uint32_t character;
	for (size_t length; (length = text_read_character(text + bytes, &character)) > 0;) {
		unsigned width = text_character_width(character);
		if (width > columns)
			break;
		columns -= width;
		bytes += length;
	}
	return bytes;
}

unsigned text_fit(char *out, size_t size, const char *text, unsigned columns, bool keep_end)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	unsigned width = text_width(text);
	if (width <= columns) {
		snprintf(out, size, "%s", text);
	} else if (columns == 0) {
		out[0] = '\0';
	} else if (keep_end) {
		uint32_t character;
		while (text_width(text) > columns - 1)
			text += text_read_character(text, &character);
		snprintf(out, size, "%s%s", ellipsis, text);
	} else {
		int bytes = (int)text_head_within(text, columns - 1);
		snprintf(out, size, "%.*s%s", bytes, text, ellipsis);
	}
	return text_width(out);
}

void text_make_safe(char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)text[0];
		unsigned char next = (unsigned char)text[1];
		if (byte < 0x20 || byte == 0x7f)
			*text = '?';
		/* U+0080 to U+009F: control characters of some terminals. */
		if (byte == 0xc2 && next >= 0x80 && next < 0xa0)
			text[0] = text[1] = '?';
	}
}

unsigned text_columns(int fd)
{
	struct winsize size;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col ? size.ws_col : 80;
}

int text_parse_seconds(const char *text, int *milliseconds)
{
	char *end;
	errno = 0;
	double seconds = strtod(text, &end);
	if (end == text || *end || errno || !(seconds >= 0 && seconds <= 1e6))
		return -EINVAL;
	*milliseconds = (int)ceil(seconds * 1000);
	return 0;
}
