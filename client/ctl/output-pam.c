/*
 * Writes PAM, the P7 format of netpbm (pam(5) of netpbm): straight alpha, 16-bit samples with the
 * high byte first, and no colour profile.
 */
#include <errno.h>
#include <stdlib.h>

#include "client/ctl/output.h"

static const char *output_pam_tuple_type(unsigned channels)
{
	return channels == 1 ? "GRAYSCALE" : channels == 3 ? "RGB" : "RGB_ALPHA";
}

static void output_pam_swap_bytes(const void *in, uint8_t *out, size_t samples)
{
	const uint16_t *sample = in;
	for (size_t i = 0; i < samples; i++) {
		out[2 * i] = (uint8_t)(sample[i] >> 8);
		out[2 * i + 1] = (uint8_t)sample[i];
	}
}

static int output_pam_write_rows(FILE *stream, const struct raster *raster, void *scratch)
{
	size_t bytes = raster_row_bytes(raster);
	for (uint32_t y = 0; y < raster->height; y++) {
		const void *row = raster_straight_row(raster, y, scratch);
		if (raster_depth(raster) == 16) {
			output_pam_swap_bytes(row, scratch, bytes / 2);
			row = scratch;
		}
		if (fwrite(row, 1, bytes, stream) != bytes)
			return errno ? -errno : -EIO;
	}
	return 0;
}

int output_pam(FILE *stream, const struct raster *raster, int quality, struct output_notes *notes)
{
	(void)quality;
	void *scratch = malloc(raster_row_bytes(raster));
	if (!scratch)
		return -ENOMEM;
	if (raster->icc)
		output_note(notes, "PAM has no colour profile; the image's profile was left out");
	unsigned channels = raster_channels(raster);
	int result = 0;
	if (fprintf(stream, "P7\nWIDTH %u\nHEIGHT %u\nDEPTH %u\nMAXVAL %u\nTUPLTYPE %s\nENDHDR\n",
		    raster->width, raster->height, channels,
		    raster_depth(raster) == 16 ? 65535u : 255u,
		    output_pam_tuple_type(channels)) < 0)
		result = errno ? -errno : -EIO;
	if (result == 0)
		result = output_pam_write_rows(stream, raster, scratch);
	free(scratch);
	return result;
}
