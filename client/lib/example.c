/*
 * Prints the mean colour of pictures. A picture is decoded when the first program loads it. All
 * other programs, and this program when it runs again, map the same pixels.
 */
#include <inttypes.h>
#include <shmimg.h>
#include <stdio.h>
#include <string.h>

static void print_mean(const shmimg_image *image)
{
	uint32_t width = shmimg_width(image), height = shmimg_height(image);
	const unsigned char *row = shmimg_pixels(image);
	uint64_t sums[4] = {0, 0, 0, 0};

	for (uint32_t y = 0; y < height; y++, row += shmimg_stride(image))
		for (uint32_t x = 0; x < width; x++)
			for (size_t channel = 0; channel < 4; channel++)
				sums[channel] += row[4 * x + channel];

	printf("%s: %" PRIu32 "x%" PRIu32 ", mean", shmimg_name(image), width, height);
	for (size_t channel = 0; channel < 4; channel++)
		printf(" %" PRIu64, sums[channel] / width / height);
	printf(", %s\n", shmimg_cached(image) ? "from memory" : "decoded");
}

/* Prints what failed and why. */
static int print_error(const shmimg_client *client, const char *path, int error)
{
	const char *message = shmimg_message(client);
	fprintf(stderr, "%s: %s\n", path, *message ? message : strerror(-error));
	return error;
}

static int show(shmimg_client *client, const char *path)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	shmimg_image *image;
	int error;

	options.format = SHMIMG_RGBA8;
	error = shmimg_load(client, path, NULL, &options, &image);
	if (error < 0)
		return print_error(client, path, error);

	/* Reading needs no lock, because pixels never change. This shows how to use one. */
	error = shmimg_lock(image, 5000);
	if (error == 0) {
		print_mean(image);
		error = shmimg_unlock(image);
	}
	if (error < 0)
		fprintf(stderr, "%s: cannot lock it: %s\n", path, strerror(-error));

	shmimg_release(client, image);
	shmimg_unref(image);
	return error;
}

int main(int argc, char **argv)
{
	shmimg_client *client;
	int status = 0;
	int error = shmimg_connect(&client, NULL, 10000);
	if (error < 0) {
		fprintf(stderr, "cannot connect to shmimgd: %s\n", strerror(-error));
		return 3;
	}
	for (int i = 1; i < argc; i++)
		if (show(client, argv[i]) < 0)
			status = 1;
	shmimg_close(client);
	return status;
}
