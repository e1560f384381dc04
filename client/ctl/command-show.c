/*
 * shmimgctl show: draws an image in the terminal. Pins the image only while it runs. The terminal
 * gets copies of the pixels, never the image's own segment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl/client.h"
#include "client/ctl/commands.h"
#include "client/ctl/draw.h"
#include "client/ctl/exit.h"
#include "client/ctl/failure.h"
#include "client/ctl/image-raster.h"
#include "client/ctl/message.h"
#include "client/ctl/terminal-traits.h"

/* Milliseconds for a terminal's answers, which may come over a network; pixels of a cell. */
enum { ANSWERS_MS = 1000, CELL_WIDTH = 10, CELL_HEIGHT = 20 };

struct screen {
	struct terminal terminal; /* fd -1: there is none, or shmimgctl must not ask it */
	struct terminal_traits traits;
	const struct draw_mode *mode;
	bool is_terminal;
};

/* A terminal that cannot draw would show the questions as text. */
static bool show_can_answer(void)
{
	const char *term = getenv("TERM");
	return term && *term && strcmp(term, "dumb") != 0 && strcmp(term, "linux") != 0;
}

static void show_prepare(struct screen *screen, const struct options *options)
{
	const char *word = options->values[OPTION_MODE];
	*screen = (struct screen){.is_terminal = isatty(STDOUT_FILENO)};
	if (terminal_open(&screen->terminal, STDOUT_FILENO) == 0 && show_can_answer())
		terminal_traits_ask(&screen->terminal, ANSWERS_MS, &screen->traits);
	screen->mode = word ? draw_mode_from_string(word) : NULL;
	if (!screen->mode)
		screen->mode = draw_mode_choose(&screen->traits, screen->is_terminal);
}

/* The size of --size, or the window without the line for the next prompt. */
static struct draw_area show_choose_area(const struct screen *screen, const struct options *options)
{
	struct terminal_size size = terminal_size(STDOUT_FILENO);
	struct draw_area area = {.columns = size.columns,
		.rows = size.rows > 1 ? size.rows - 1 : 1,
		.cell_width = screen->traits.cell_width,
		.cell_height = screen->traits.cell_height};
	if (!area.cell_width && size.width >= size.columns && size.height >= size.rows) {
		area.cell_width = size.width / size.columns;
		area.cell_height = size.height / size.rows;
	}
	if (!area.cell_width) {
		area.cell_width = CELL_WIDTH;
		area.cell_height = CELL_HEIGHT;
	}
	if (options->values[OPTION_SIZE]) {
		area.columns = options->columns;
		area.rows = options->rows;
		area.enlarge = true;
	}
	return area;
}

static int show_draw(
	struct screen *screen, const struct raster *raster, const struct options *options)
{
	struct draw_area area = show_choose_area(screen, options);
	uint32_t width = raster->width, height = raster->height;
	struct pixmap pixmap;
	draw_fit(screen->mode, &area, &width, &height);
	pixmap_scale(&pixmap, raster, width, height);
	if (options->values[OPTION_BACKGROUND])
		pixmap_flatten(&pixmap, options->background);
	else if (!screen->mode->has_alpha)
		pixmap_flatten(&pixmap, screen->traits.background);
	struct drawing drawing = {.out = stdout,
		.pixmap = &pixmap,
		.terminal = screen->traits.shared ? &screen->terminal : NULL};
	int result = screen->mode->draw(&drawing);
	if (result == 0 && fflush(stdout) != 0)
		result = -errno;
	pixmap_clear(&pixmap);
	return result;
}

/* Returns the exit code. */
static int show(const shmimg_image *image, const struct options *options)
{
	struct screen screen;
	struct raster raster = image_raster(image);
	show_prepare(&screen, options);
	int result = show_draw(&screen, &raster, options);
	terminal_close(&screen.terminal);
	if (result < 0)
		message_print("standard output: %s", strerror(-result));
	return result < 0 ? EXIT_REFUSED : EXIT_DONE;
}

int command_show(const struct options *options)
{
	shmimg_client *client;
	shmimg_image *image = NULL;
	const char *name = options->operands[0];
	int code = client_open(options, &client);
	if (code != 0)
		return code;
	int result = client_fetch(client, options, name, &image);
	code = result < 0 ? failure_print_last(name, client, result) : show(image, options);
	shmimg_unref(image);
	shmimg_close(client);
	return code;
}
