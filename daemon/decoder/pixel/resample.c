/*
 * Scaling down by zimg.
 *
 * zimg scales whole planes. A whole plane of floats is four times the size of the picture and
 * does not fit into a cache, so this file scales strips, in two steps:
 *
 * 1. Across: RESAMPLE_ROWS rows of the source are made as narrow as the result. One filter graph
 *    serves all strips. The narrow rows go to the store.
 * 2. Down: as soon as the store has all rows that the filter needs for the next RESAMPLE_ROWS
 *    rows of the result (the window), a graph for just this window makes them. Its position
 *    between the source's rows differs from batch to batch, so each batch has a graph of its own.
 *    Rows above the next window are discarded.
 *
 * The graph for a window gets MARGIN rows more on each side than the filter reaches, so that
 * zimg finds real rows there and makes up none, unless the picture ends.
 */
#include "config.h"

#include "daemon/decoder/pixel/resample.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zimg.h>

enum {
	LOBES = 3,
	ALIGN = 64,   /* bytes, of rows, for zimg's widest instructions */
	APART = 1088, /* bytes between planes, so that they do not share cache lines */
	MARGIN = 2,   /* rows beyond the reach of the filter, on each side */
	ROWS = RESAMPLE_ROWS,
};

/* Rows of floats, all planes of the same size. */
struct rows {
	float *data;
	size_t pitch; /* floats from one row to the next */
	size_t apart; /* floats from one plane to the next */
	size_t max;   /* rows of a plane */
};

struct resample {
	unsigned planes;
	struct resample_size from;
	uint32_t width, height; /* of the result */
	zimg_filter_graph *across;
	void *work; /* memory for the graph */
	struct rows input, store, output;
	uint32_t first; /* row of the source that is first in the store */
	uint32_t taken; /* rows of the source so far */
	uint32_t done;	/* rows of the result so far */
};

static int resample_allocate_rows(struct rows *rows, unsigned planes, size_t max, size_t width)
{
	size_t pitch_bytes, plane_bytes, bytes;
	rows->max = max;
	if (__builtin_mul_overflow(width, sizeof(float), &pitch_bytes) ||
		__builtin_add_overflow(pitch_bytes, ALIGN - 1, &pitch_bytes))
		return -ENOMEM;
	pitch_bytes -= pitch_bytes % ALIGN;
	rows->pitch = pitch_bytes / sizeof(float);
	if (__builtin_mul_overflow(pitch_bytes, max, &plane_bytes) ||
		__builtin_add_overflow(plane_bytes, APART, &plane_bytes) ||
		__builtin_mul_overflow(plane_bytes, planes, &bytes) ||
		posix_memalign((void **)&rows->data, ALIGN, bytes) != 0) {
		rows->data = NULL;
		return -ENOMEM;
	}
	rows->apart = plane_bytes / sizeof(float);
	/* Unused rows are computed too. Zeros are fast, denormal numbers would be slow. */
	memset(rows->data, 0, bytes);
	return 0;
}

static float *resample_plane_row(const struct rows *rows, unsigned plane, size_t row)
{
	return rows->data + plane * rows->apart + row * rows->pitch;
}

/* ---- The library ---- */

static int resample_library_error(void)
{
	int result = zimg_get_last_error(NULL, 0) == ZIMG_ERROR_OUT_OF_MEMORY ? -ENOMEM : -EIO;
	zimg_clear_last_error();
	return result;
}

/*
 * Builds a graph that scales the region of a plane that begins at row `top`. Returns NULL if the
 * library fails.
 */
static zimg_filter_graph *resample_build(
	const struct resample_size *from, double top, uint32_t width, uint32_t height)
{
	zimg_image_format source, target;
	zimg_graph_builder_params how;
	zimg_image_format_default(&source, ZIMG_API_VERSION);
	zimg_graph_builder_params_default(&how, ZIMG_API_VERSION);
	source.pixel_type = ZIMG_PIXEL_FLOAT;
	target = source;
	source.width = from->width;
	source.height = from->height;
	source.active_region.left = 0;
	source.active_region.top = top;
	source.active_region.width = from->extent_x;
	source.active_region.height = from->extent_y;
	target.width = width;
	target.height = height;
	how.resample_filter = ZIMG_RESIZE_LANCZOS;
	how.filter_param_a = LOBES;
	how.cpu_type = ZIMG_CPU_AUTO_64B;
	return zimg_filter_graph_build(&source, &target, &how);
}

/* Allocates the memory that a graph needs to run. Returns 0 or a negative errno. */
static int resample_allocate_work(const zimg_filter_graph *graph, void **work)
{
	size_t size;
	if (zimg_filter_graph_get_tmp_size(graph, &size) != ZIMG_ERROR_SUCCESS)
		return resample_library_error();
	free(*work);
	if (posix_memalign(work, ALIGN, size ? size : ALIGN) != 0) {
		*work = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int resample_run(const zimg_filter_graph *graph, const float *from, size_t from_pitch,
	float *to, size_t to_pitch, void *work)
{
	zimg_image_buffer_const source = {.version = ZIMG_API_VERSION};
	zimg_image_buffer target = {.version = ZIMG_API_VERSION};
	source.plane[0].data = from;
	source.plane[0].stride = (ptrdiff_t)(from_pitch * sizeof(*from));
	source.plane[0].mask = ZIMG_BUFFER_MAX;
	target.plane[0].data = to;
	target.plane[0].stride = (ptrdiff_t)(to_pitch * sizeof(*to));
	target.plane[0].mask = ZIMG_BUFFER_MAX;
	return zimg_filter_graph_process(graph, &source, &target, work, NULL, NULL, NULL, NULL) ==
			       ZIMG_ERROR_SUCCESS
		       ? 0
		       : resample_library_error();
}

/* ---- Across ---- */

static int resample_prepare_across(struct resample *resample)
{
	struct resample_size strip = resample->from;
	strip.height = ROWS;
	strip.extent_y = ROWS;
	resample->across = resample_build(&strip, 0, resample->width, ROWS);
	return resample->across ? resample_allocate_work(resample->across, &resample->work)
				: resample_library_error();
}

float *resample_input_row(struct resample *resample, unsigned plane, unsigned row)
{
	return resample_plane_row(&resample->input, plane, row);
}

int resample_push(struct resample *resample, unsigned rows)
{
	size_t at = resample->taken - resample->first;
	if (at + ROWS > resample->store.max || rows > resample->from.height - resample->taken)
		return -EIO;
	for (unsigned plane = 0; plane < resample->planes; plane++) {
		int result = resample_run(resample->across,
			resample_plane_row(&resample->input, plane, 0), resample->input.pitch,
			resample_plane_row(&resample->store, plane, at), resample->store.pitch,
			resample->work);
		if (result < 0)
			return result;
	}
	resample->taken += rows;
	return 0;
}

/* ---- Down ---- */

/* The rows of the source that a batch of the result depends on. */
struct window {
	uint32_t first, end;
};

static double resample_ratio_of(const struct resample *resample)
{
	return resample->from.extent_y / resample->height;
}

/* How far the filter reaches, in rows of the source, with the margin. */
static double resample_reach_of(const struct resample *resample)
{
	return LOBES * fmax(resample_ratio_of(resample), 1) + MARGIN;
}

static struct window resample_window_of(const struct resample *resample, uint32_t y, uint32_t count)
{
	double ratio = resample_ratio_of(resample), reach = resample_reach_of(resample);
	double first = floor((y + 0.5) * ratio - reach);
	double end = ceil((y + count - 0.5) * ratio + reach);
	double height = resample->from.height;
	return (struct window){
		(uint32_t)fmax(first, 0),
		(uint32_t)fmin(end, height),
	};
}

static uint32_t resample_next_count(const struct resample *resample)
{
	uint32_t left = resample->height - resample->done;
	return left < ROWS ? left : ROWS;
}

/* Discards rows that no later batch needs. */
static void resample_discard(struct resample *resample, uint32_t before)
{
	if (before <= resample->first)
		return;
	uint32_t gone = before - resample->first;
	size_t kept = (resample->taken - before) * resample->store.pitch * sizeof(float);
	for (unsigned plane = 0; plane < resample->planes; plane++)
		memmove(resample_plane_row(&resample->store, plane, 0),
			resample_plane_row(&resample->store, plane, gone), kept);
	resample->first = before;
}

static int resample_run_batch(
	struct resample *resample, const struct window *window, uint32_t count)
{
	double ratio = resample_ratio_of(resample);
	const struct resample_size part = {.width = resample->width,
		.height = window->end - window->first,
		.extent_x = resample->width,
		.extent_y = count * ratio};
	double top = resample->done * ratio - window->first;
	void *work = NULL;
	zimg_filter_graph *graph = resample_build(&part, top, resample->width, count);
	int result = graph ? resample_allocate_work(graph, &work) : resample_library_error();
	for (unsigned plane = 0; result == 0 && plane < resample->planes; plane++)
		result = resample_run(graph,
			resample_plane_row(
				&resample->store, plane, window->first - resample->first),
			resample->store.pitch, resample_plane_row(&resample->output, plane, 0),
			resample->output.pitch, work);
	zimg_filter_graph_free(graph);
	free(work);
	return result;
}

int resample_pull(struct resample *resample)
{
	uint32_t count = resample_next_count(resample);
	if (count == 0)
		return 0;
	struct window window = resample_window_of(resample, resample->done, count);
	if (window.end > resample->taken)
		return 0;
	int result = resample_run_batch(resample, &window, count);
	if (result < 0)
		return result;
	resample->done += count;
	uint32_t next = resample_next_count(resample);
	resample_discard(resample,
		next ? resample_window_of(resample, resample->done, next).first : resample->taken);
	return (int)count;
}

const float *resample_output_row(const struct resample *resample, unsigned plane, unsigned row)
{
	return resample_plane_row(&resample->output, plane, row);
}

/* ---- Begin and end ---- */

/* The capacity of the store: the window of a batch, and the rows of one push. */
static size_t resample_store_rows(const struct resample *resample)
{
	double max = ceil(ROWS * resample_ratio_of(resample) + 2 * resample_reach_of(resample)) + 2;
	double height = resample->from.height;
	return (size_t)fmin(max, height) + ROWS;
}

int resample_open(struct resample **opened, unsigned planes, const struct resample_size *from,
	uint32_t width, uint32_t height)
{
	struct resample *resample = calloc(1, sizeof(*resample));
	*opened = resample;
	if (!resample)
		return -ENOMEM;
	resample->planes = planes;
	resample->from = *from;
	resample->width = width;
	resample->height = height;
	int result = resample_allocate_rows(&resample->input, planes, ROWS, from->width);
	if (result == 0)
		result = resample_allocate_rows(
			&resample->store, planes, resample_store_rows(resample), width);
	if (result == 0)
		result = resample_allocate_rows(&resample->output, planes, ROWS, width);
	return result < 0 ? result : resample_prepare_across(resample);
}

void resample_close(struct resample *resample)
{
	if (!resample)
		return;
	zimg_filter_graph_free(resample->across);
	free(resample->work);
	free(resample->input.data);
	free(resample->store.data);
	free(resample->output.data);
	free(resample);
}

void resample_prepare(void)
{
	const struct resample_size from = {2, 2, 2, 2};
	struct resample *resample;
	if (resample_open(&resample, 1, &from, 1, 1) == 0 && resample_push(resample, 2) == 0)
		resample_pull(resample);
	resample_close(resample);
}
