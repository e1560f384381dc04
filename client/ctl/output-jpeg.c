/*
 * Writes JPEG by libjpeg-turbo: 8 bits a channel, no alpha; notes say when the image loses
 * something by that. The colour profile goes into APP2 markers (ICC.1, annex B.4).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "client/ctl/output.h"

struct job {
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	jmp_buf failed;
	const struct raster *raster;
	struct output_notes *notes;
	FILE *stream;
	int quality;
	void *scratch;	/* a row of the raster */
	uint8_t *plain; /* a row for libjpeg */
};

/* libjpeg must not continue after an error: jumps back to output_jpeg_run(). */
static void output_jpeg_fail(j_common_ptr jpeg)
{
	struct job *job = jpeg->client_data;
	char message[JMSG_LENGTH_MAX];
	jpeg->err->format_message(jpeg, message);
	if (errno == 0)
		snprintf(job->notes->fault, sizeof(job->notes->fault), "libjpeg: %s", message);
	longjmp(job->failed, 1);
}

static void output_jpeg_ignore(j_common_ptr jpeg)
{
	(void)jpeg;
}

static void output_jpeg_write_all(struct job *job)
{
	struct jpeg_compress_struct *jpeg = &job->jpeg;
	const struct raster *raster = job->raster;
	jpeg_create_compress(jpeg);
	jpeg->client_data = job;
	jpeg_stdio_dest(jpeg, job->stream);
	jpeg->image_width = raster->width;
	jpeg->image_height = raster->height;
	jpeg->input_components = raster_channels(raster) == 1 ? 1 : 3;
	jpeg->in_color_space = jpeg->input_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(jpeg);
	jpeg_set_quality(jpeg, job->quality, TRUE);
	jpeg_start_compress(jpeg, TRUE);
	if (raster->icc)
		jpeg_write_icc_profile(jpeg, raster->icc, (unsigned)raster->icc_size);
	for (uint32_t y = 0; y < raster->height; y++) {
		raster_plain_row(raster, y, job->scratch, job->plain);
		JSAMPROW row = job->plain;
		jpeg_write_scanlines(jpeg, &row, 1);
	}
	jpeg_finish_compress(jpeg);
}

static void output_jpeg_note_losses(struct job *job)
{
	if (!raster_is_opaque(job->raster))
		output_note(job->notes, "JPEG has no alpha channel; transparency was left out");
	if (raster_depth(job->raster) == 16)
		output_note(job->notes, "JPEG has 8 bits a channel; 16 bits were reduced to 8");
}

static int output_jpeg_run(struct job *job)
{
	job->scratch = malloc(raster_row_bytes(job->raster));
	job->plain = malloc((size_t)job->raster->width * 3);
	if (!job->scratch || !job->plain)
		return -ENOMEM;
	job->jpeg.err = jpeg_std_error(&job->errors);
	job->jpeg.client_data = job;
	job->errors.error_exit = output_jpeg_fail;
	job->errors.output_message = output_jpeg_ignore;
	errno = 0;
	if (setjmp(job->failed))
		return errno ? -errno : -EIO;
	output_jpeg_write_all(job);
	return 0;
}

int output_jpeg(FILE *stream, const struct raster *raster, int quality, struct output_notes *notes)
{
	if (raster->width > JPEG_MAX_DIMENSION || raster->height > JPEG_MAX_DIMENSION) {
		snprintf(notes->fault, sizeof(notes->fault),
			"a JPEG file has at most %ld pixels a side; write another kind of file, "
			"such as PNG",
			JPEG_MAX_DIMENSION);
		return -EFBIG;
	}
	struct job job = {.raster = raster, .notes = notes, .stream = stream, .quality = quality};
	output_jpeg_note_losses(&job);
	int result = output_jpeg_run(&job);
	jpeg_destroy_compress(&job.jpeg);
	free(job.plain);
	free(job.scratch);
	return result;
}
