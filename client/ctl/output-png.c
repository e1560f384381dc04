/*
 * Writes PNG (ISO/IEC 15948) by libpng: every format keeps its depth and channels,
 * premultiplied colours become straight, the colour profile becomes the iCCP chunk.
 */
#include <errno.h>
#include <png.h>
#include <stdlib.h>

#include "client/ctl/output.h"

struct job {
	const struct raster *raster;
	struct output_notes *notes;
	FILE *stream;
	png_structp png;
	png_infop info;
	void *scratch; /* a row */
};

/* libpng must not continue after an error: jumps back to output_png_run(). */
static void output_png_fail(png_structp png, png_const_charp message)
{
	struct job *job = png_get_error_ptr(png);
	if (errno == 0)
		snprintf(job->notes->fault, sizeof(job->notes->fault), "libpng: %s", message);
	png_longjmp(png, 1);
}

static void output_png_ignore(png_structp png, png_const_charp message)
{
	(void)png;
	(void)message;
}

static int output_png_colour_type(unsigned channels)
{
	if (channels == 1)
		return PNG_COLOR_TYPE_GRAY;
	return channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGB_ALPHA;
}

/* libpng checks the profile, and rejects one that does not fit the pixels. */
static void output_png_set_profile(struct job *job)
{
	const struct raster *raster = job->raster;
	if (!raster->icc)
		return;
	png_set_benign_errors(job->png, 1);
	if (raster->icc_size <= UINT32_MAX)
		png_set_iCCP(job->png, job->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE,
			raster->icc, (png_uint_32)raster->icc_size);
	if (!png_get_valid(job->png, job->info, PNG_INFO_iCCP))
		output_note(job->notes, "libpng rejected the colour profile; it was left out");
}

static void output_png_write_all(struct job *job)
{
	const struct raster *raster = job->raster;
	png_set_user_limits(job->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
	png_init_io(job->png, job->stream);
	png_set_IHDR(job->png, job->info, raster->width, raster->height, (int)raster_depth(raster),
		output_png_colour_type(raster_channels(raster)), PNG_INTERLACE_NONE,
		PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	output_png_set_profile(job);
	png_write_info(job->png, job->info);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (raster_depth(raster) == 16)
		png_set_swap(job->png);
#endif
	for (uint32_t y = 0; y < raster->height; y++)
		png_write_row(job->png, raster_straight_row(raster, y, job->scratch));
	png_write_end(job->png, job->info);
}

static int output_png_run(struct job *job)
{
	job->png = png_create_write_struct(
		PNG_LIBPNG_VER_STRING, job, output_png_fail, output_png_ignore);
	job->info = job->png ? png_create_info_struct(job->png) : NULL;
	job->scratch = malloc(raster_row_bytes(job->raster));
	if (!job->info || !job->scratch)
		return -ENOMEM;
	errno = 0;
	if (setjmp(png_jmpbuf(job->png)))
		return errno ? -errno : -EIO;
	output_png_write_all(job);
	return 0;
}

int output_png(FILE *stream, const struct raster *raster, int quality, struct output_notes *notes)
{
	(void)quality;
	struct job job = {.raster = raster, .notes = notes, .stream = stream};
	int result = output_png_run(&job);
	if (job.png)
		png_destroy_write_struct(&job.png, &job.info);
	free(job.scratch);
	return result;
}
