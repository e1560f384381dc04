/*
 * A slide show in a terminal with 24-bit colours: slideshow SECONDS PICTURE...
 */
#include <shmimg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 80, ROWS = 48 }; /* of half blocks */

static void put_colour(const shmimg_image *image, int ground, uint32_t column, uint32_t row)
{
	size_t x = (size_t)shmimg_width(image) * column / COLUMNS;
	size_t y = (size_t)shmimg_height(image) * row / ROWS * shmimg_stride(image);
	const unsigned char *pixel = (const unsigned char *)shmimg_pixels(image) + y + 3 * x;
	printf("\033[%d;2;%d;%d;%dm", ground, pixel[0], pixel[1], pixel[2]);
}

int main(int argc, char **argv)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	shmimg_client *client;
	shmimg_image *image;
	int error = shmimg_connect(&client, NULL, 10000);
	options.format = SHMIMG_RGB8;
	for (int i = 2; error == 0 && i < argc; i++) {
		error = shmimg_load(client, argv[i], NULL, &options, &image);
		if (error < 0)
			break;
		sleep(i > 2 ? (unsigned)atoi(argv[1]) : 0); /* the next one is already decoded */
		printf("\033[H");
		for (uint32_t cell = 0; cell < COLUMNS * ROWS / 2; cell++) {
			put_colour(image, 38, cell % COLUMNS, cell / COLUMNS * 2);
			put_colour(image, 48, cell % COLUMNS, cell / COLUMNS * 2 + 1);
			printf("\u2580%s", (cell + 1) % COLUMNS ? "" : "\033[0m\n");
		}
		fflush(stdout);
		shmimg_unref(image);
	}
	shmimg_close(client);
	if (error < 0)
		fprintf(stderr, "slideshow: %s\n", strerror(-error));
	return error < 0;
}
