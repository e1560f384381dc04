/*
 * Draws by the graphics protocol of the terminal kitty ("Terminal graphics protocol" in its
 * documentation): through shared memory if the terminal can read it, otherwise in base64.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "client/ctl/base64.h"
#include "client/ctl/draw.h"
#include "client/ctl/shared-copy.h"

enum {
	CHUNK = 3072, /* bytes; base64 makes the maximum of 4096 from them */
	ANSWER_MS = 5000
};

/* Sends chunks; m=1 in each but the last says that more follow. */
static int draw_kitty_send_bytes(const struct drawing *drawing)
{
	const struct pixmap *pixmap = drawing->pixmap;
	size_t left = (size_t)pixmap->width * pixmap->height * 4;
	const uint8_t *next = pixmap->pixels;
	char text[BASE64_SIZE(CHUNK)];
	fprintf(drawing->out, "\033_Ga=T,q=2,f=32,s=%" PRIu32 ",v=%" PRIu32 ",", pixmap->width,
		pixmap->height);
	while (left > 0) {
		size_t count = left < CHUNK ? left : CHUNK;
		base64_encode(text, next, count);
		next += count;
		left -= count;
		fprintf(drawing->out, "m=%d;%s\033\\%s", left > 0, text, left ? "\033_G" : "");
	}
	fputc('\n', drawing->out);
	return 0;
}

/* "ESC _ G i=NUMBER;OK ESC \", or a message in place of OK. */
static bool draw_kitty_is_answered(const char *answer)
{
	const char *found = strstr(answer, "\033_Gi=");
	return found && strstr(found, "\033\\");
}

/* Returns 0, or -EIO if the terminal has not drawn the picture. */
static int draw_kitty_ask(const struct drawing *drawing, const struct shared_copy *copy)
{
	const struct pixmap *pixmap = drawing->pixmap;
	uint32_t number;
	char text[256], wanted[32], answer[1024];
	/* An image replaces another image of the same number. */
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	number |= 1;
	snprintf(text, sizeof(text),
		"\033_Ga=T,t=s,f=32,i=%" PRIu32 ",s=%" PRIu32 ",v=%" PRIu32 ";%s\033\\", number,
		pixmap->width, pixmap->height, copy->encoded_name);
	snprintf(wanted, sizeof(wanted), "\033_Gi=%" PRIu32 ";OK\033\\", number);
	int result = terminal_ask(
		drawing->terminal, text, draw_kitty_is_answered, answer, sizeof(answer), ANSWER_MS);
	return result > 0 && strstr(answer, wanted) ? 0 : -EIO;
}

static int draw_kitty_send_copy(const struct drawing *drawing)
{
	const struct pixmap *pixmap = drawing->pixmap;
	struct shared_copy copy;
	int result = terminal_quiet(drawing->terminal);
	if (result < 0)
		return result;
	result =
		shared_copy_make(&copy, pixmap->pixels, (size_t)pixmap->width * pixmap->height * 4);
	if (result == 0) {
		result = draw_kitty_ask(drawing, &copy);
		shared_copy_remove(&copy);
	}
	terminal_restore(drawing->terminal);
	return result;
}

int draw_kitty(const struct drawing *drawing)
{
	/* Earlier output must reach the terminal first. */
	if (drawing->terminal && fflush(drawing->out) == 0 && draw_kitty_send_copy(drawing) == 0) {
		fputc('\n', drawing->out);
		return 0;
	}
	return draw_kitty_send_bytes(drawing);
}
