/*
 * Uses an image in cairo without a copy: example-cairo PICTURE RESULT.png draws a frame around
 * the picture. The shared pixels are read-only, so cairo draws into another surface.
 */
#include <cairo.h>
#include <shmimg.h>
#include <stdio.h>
#include <string.h>

/* BGRA8-premul is cairo's ARGB32 on little-endian machines; the stride is a multiple of 64. */
static cairo_surface_t *surface_of(const shmimg_image *image)
{
	unsigned char *pixels;
	const void *shared = shmimg_pixels(image);
	memcpy(&pixels, &shared, sizeof(pixels)); /* cairo only reads them, but takes no const */
	return cairo_image_surface_create_for_data(pixels, CAIRO_FORMAT_ARGB32,
		(int)shmimg_width(image), (int)shmimg_height(image), (int)shmimg_stride(image));
}

static cairo_status_t draw(cairo_surface_t *picture, const char *path)
{
	int width = cairo_image_surface_get_width(picture);
	int height = cairo_image_surface_get_height(picture);
	cairo_surface_t *result = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
	cairo_t *cairo = cairo_create(result);
	cairo_set_source_surface(cairo, picture, 0, 0);
	cairo_paint(cairo);
	cairo_set_source_rgb(cairo, 1, 0, 0);
	cairo_set_line_width(cairo, 2);
	cairo_rectangle(cairo, 1, 1, width - 2, height - 2);
	cairo_stroke(cairo);
	cairo_destroy(cairo);
	cairo_status_t status = cairo_surface_write_to_png(result, path);
	cairo_surface_destroy(result);
	return status;
}

int main(int argc, char **argv)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	shmimg_client *client;
	shmimg_image *image = NULL;
	cairo_status_t status = CAIRO_STATUS_SUCCESS;
	int error;
	if (argc != 3)
		return 2;
	error = shmimg_connect(&client, NULL, 10000);
	options.format = SHMIMG_BGRA8_PREMUL;
	if (error == 0)
		error = shmimg_load(client, argv[1], NULL, &options, &image);
	if (error == 0) {
		cairo_surface_t *picture = surface_of(image);
		status = draw(picture, argv[2]);
		cairo_surface_destroy(picture); /* before its pixels are unmapped */
	}
	if (error < 0 || status != CAIRO_STATUS_SUCCESS)
		fprintf(stderr, "%s: %s\n", argv[error < 0 ? 1 : 2],
			error < 0 ? strerror(-error) : cairo_status_to_string(status));
	shmimg_unref(image);
	shmimg_close(client);
	return error < 0 || status != CAIRO_STATUS_SUCCESS;
}
