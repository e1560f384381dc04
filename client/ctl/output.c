/*
 * The table of file formats, and the writer of raw pixels.
 */
#include "client/ctl/output.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct output_format formats[] = {
	{"png", NULL, output_png},
	{"jpg", "jpeg", output_jpeg},
	{"pam", NULL, output_pam},
	{"raw", NULL, output_raw},
};

enum { FORMATS = sizeof(formats) / sizeof(*formats) };

const struct output_format *output_from_string(const char *word)
{
	for (size_t i = 0; i < FORMATS; i++) {
		const char *other = formats[i].extension;
		if (strcasecmp(word, formats[i].word) == 0 ||
			(other && strcasecmp(word, other) == 0))
			return &formats[i];
	}
	return NULL;
}

const struct output_format *output_by_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash + 1 : path, '.');
	return dot ? output_from_string(dot + 1) : NULL;
}

void output_note(struct output_notes *notes, const char *note)
{
	if (notes->count < OUTPUT_NOTES)
		notes->lines[notes->count++] = note;
}

int output_raw(FILE *stream, const struct raster *raster, int quality, struct output_notes *notes)
{
	(void)quality;
	(void)notes;
	size_t bytes = raster_row_bytes(raster);
	for (uint32_t y = 0; y < raster->height; y++) {
		if (fwrite(raster_row(raster, y), 1, bytes, stream) != bytes)
			return errno ? -errno : -EIO;
	}
	return 0;
}
