/*
 * A picture as a second process gets it.
 */
#include "tests/bench/look.h"

#include <err.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/picture.h"
#include "tests/bench/touch.h"

#define NAME "uhd"

shmimg_client *look_connect(const struct setting *setting)
{
	shmimg_client *client;
	int r = shmimg_connect(&client, setting->socket, -1);
	if (r < 0)
		errx(1, "%s: %s", setting->socket, strerror(-r));
	return client;
}

void look_end(shmimg_client *client)
{
	shmimg_drop(client, NAME, NULL);
	shmimg_close(client);
}

static shmimg_image *check(const shmimg_client *client, int r, shmimg_image *image)
{
	if (r < 0)
		errx(1, "%s: %s", strerror(-r), shmimg_message(client));
	return image;
}

shmimg_image *look_load(shmimg_client *client, const struct setting *setting)
{
	shmimg_image *image;
	int file = picture_open(setting, "uhd.jpg");
	int r = shmimg_load_fd(client, file, NAME, NULL, &image);
	close(file);
	return check(client, r, image);
}

shmimg_image *look_fetch(shmimg_client *client)
{
	shmimg_image *image;
	int r = shmimg_fetch(client, NAME, NULL, &image);
	return check(client, r, image);
}

size_t look_bytes(const shmimg_image *image)
{
	return shmimg_stride(image) * shmimg_height(image);
}

double look_took(uint64_t began)
{
	return (double)(clock_now() - began) / 1e3;
}

double look_once(shmimg_client *client)
{
	uint64_t began = clock_now();
	shmimg_image *image = look_fetch(client);
	touch(shmimg_pixels(image), look_bytes(image));
	shmimg_unref(image);
	return look_took(began);
}
