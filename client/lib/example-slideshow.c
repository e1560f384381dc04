/*
 * A slide show in the terminal: slideshow SECONDS PICTURE... Needs a terminal with 24-bit
 * colours. While one picture is shown the next is decoded, so that none is waited for.
 */
#include <shmimg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 80, ROWS = 48 }; /* of half blocks */

static const unsigned char *pixel_at(const shmimg_image *image, uint32_t column, uint32_t row)
{
	size_t x = (size_t)shmimg_width(image) * column / COLUMNS;
	size_t y = (size_t)shmimg_height(image) * row / ROWS;
	return (const unsigned char *)shmimg_pixels(image) + y * shmimg_stride(image) + 3 * x;
}

static void show(const shmimg_image *image)
{
	printf("\033[H");
	for (uint32_t row = 0; row < ROWS; row += 2) {
		for (uint32_t column = 0; column < COLUMNS; column++) {
			const unsigned char *upper = pixel_at(image, column, row);
			const unsigned char *lower = pixel_at(image, column, row + 1);
			printf("\033[38;2;%d;%d;%d;48;2;%d;%d;%dm\u2580", upper[0], upper[1],
				upper[2], lower[0], lower[1], lower[2]);
		}
		printf("\033[0m\n");
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	shmimg_client *client;
	int error = shmimg_connect(&client, NULL, 10000);
	options.format = SHMIMG_RGB8;
	for (int i = 2; error == 0 && i < argc; i++) {
		shmimg_image *image;
		error = shmimg_load(client, argv[i], NULL, &options, &image);
		if (error < 0)
			break;
		sleep(i > 2 ? (unsigned)atoi(argv[1]) : 0);
		show(image);
		shmimg_unref(image);
	}
	if (error < 0)
		fprintf(stderr, "slideshow: %s\n", strerror(-error));
	shmimg_close(client);
	return error < 0;
}
