/*
 * Pixel formats as the public header numbers them: as the protocol does, except for the
 * default and for "native". Uses the protocol's table.
 */
#include "client/protocol/format.h"

#include "client/lib/public.h"

_Static_assert((int)SHMIMG_RGBA8 == (int)FORMAT_RGBA8, "the header counts as the protocol");
_Static_assert((int)SHMIMG_GRAY16 == (int)FORMAT_GRAY16, "the header counts as the protocol");

const char *shmimg_format_name(enum shmimg_format format)
{
	if (format == SHMIMG_NATIVE)
		return format_to_string(FORMAT_NATIVE);
	return format == SHMIMG_DEFAULT ? NULL : format_to_string((enum format)format);
}

int shmimg_format_parse(const char *word)
{
	int format = format_from_string(word);
	return format == FORMAT_NATIVE ? (int)SHMIMG_NATIVE : format;
}

unsigned shmimg_format_bytes(enum shmimg_format format)
{
	return format_pixel_bytes((enum format)format);
}
