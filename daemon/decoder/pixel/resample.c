/*
 * Makes planes of floats smaller by zimg.
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
	ALIGN = 64,   /* bytes, of rows: what zimg's widest instructions need */
	APART = 1088, /* bytes between planes, so that these are not in the same lines of caches */
	MARGIN = 2,   /* rows more than the filter reaches, on each side */
	ROWS = RESAMPLE_ROWS,
};

/* Rows of floats, all planes of the same size. */
struct rows {
	float *data;
	size_t pitch; /* floats from a row to the next */
	size_t apart; /* floats from a plane to the next */
	size_t most;  /* rows of a plane */
};

struct resample {
	unsigned planes;
	struct resample_size from;
	uint32_t width, height; /* to be made */
	zimg_filter_graph *across;
	void *work; /* of the graph */
	struct rows room, store, made;
	uint32_t first; /* row of the source with which the store begins */
	uint32_t taken; /* rows of the source so far */
	uint32_t done;	/* rows made */
};

static int resample_make_rows(struct rows *rows, unsigned planes, size_t most, size_t width)
{
	size_t pitch_bytes, plane_bytes, bytes;
	rows->most = most;
	if (__builtin_mul_overflow(width, sizeof(float), &pitch_bytes) ||
		__builtin_add_overflow(pitch_bytes, ALIGN - 1, &pitch_bytes))
		return -ENOMEM;
	pitch_bytes -= pitch_bytes % ALIGN;
	rows->pitch = pitch_bytes / sizeof(float);
	if (__builtin_mul_overflow(pitch_bytes, most, &plane_bytes) ||
		__builtin_add_overflow(plane_bytes, APART, &plane_bytes) ||
		__builtin_mul_overflow(plane_bytes, planes, &bytes) ||
		posix_memalign((void **)&rows->data, ALIGN, bytes) != 0) {
		rows->data = NULL;
		return -ENOMEM;
	}
	rows->apart = plane_bytes / sizeof(float);
	/* What is computed of rows that are not used is no number that takes long. */
	memset(rows->data, 0, bytes);
	return 0;
}

static float *resample_row_of(const struct rows *rows, unsigned plane, size_t row)
{
	return rows->data + plane * rows->apart + row * rows->pitch;
}

/* ---- The library ---- */

static int resample_fault(void)
{
	int result = zimg_get_last_error(NULL, 0) == ZIMG_ERROR_OUT_OF_MEMORY ? -ENOMEM : -EIO;
	zimg_clear_last_error();
	return result;
}

/*
 * From a plane to another, of the region of the first that begins with `top`. Returns NULL when
 * the library cannot.
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

/* Room for a graph to work in. Returns 0 or a negative errno. */
static int resample_make_work(const zimg_filter_graph *graph, void **work)
{
	size_t size;
	if (zimg_filter_graph_get_tmp_size(graph, &size) != ZIMG_ERROR_SUCCESS)
		return resample_fault();
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
		       : resample_fault();
}

/* ---- Across ---- */

static int resample_prepare_across(struct resample *resample)
{
	struct resample_size strip = resample->from;
	strip.height = ROWS;
	strip.extent_y = ROWS;
	resample->across = resample_build(&strip, 0, resample->width, ROWS);
	return resample->across ? resample_make_work(resample->across, &resample->work)
				: resample_fault();
}

float *resample_room(struct resample *resample, unsigned plane, unsigned row)
{
	return resample_row_of(&resample->room, plane, row);
}

int resample_take(struct resample *resample, unsigned rows)
{
	size_t at = resample->taken - resample->first;
	if (at + ROWS > resample->store.most || rows > resample->from.height - resample->taken)
		return -EIO;
	for (unsigned plane = 0; plane < resample->planes; plane++) {
		int result =
			resample_run(resample->across, resample_row_of(&resample->room, plane, 0),
				resample->room.pitch, resample_row_of(&resample->store, plane, at),
				resample->store.pitch, resample->work);
		if (result < 0)
			return result;
	}
	resample->taken += rows;
	return 0;
}

/* ---- Down ---- */

/* Rows of the source: those that rows which are made depend on. */
struct window {
	uint32_t first, end;
};

static double resample_ratio_of(const struct resample *resample)
{
	return resample->from.extent_y / resample->height;
}

/* How far the filter reaches, in rows of the source. */
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

/* Lets go of rows that are of no use any more. */
static void resample_forget(struct resample *resample, uint32_t before)
{
	if (before <= resample->first)
		return;
	uint32_t gone = before - resample->first;
	size_t kept = (resample->taken - before) * resample->store.pitch * sizeof(float);
	for (unsigned plane = 0; plane < resample->planes; plane++)
		memmove(resample_row_of(&resample->store, plane, 0),
			resample_row_of(&resample->store, plane, gone), kept);
	resample->first = before;
}

static int resample_make_batch(
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
	int result = graph ? resample_make_work(graph, &work) : resample_fault();
	for (unsigned plane = 0; result == 0 && plane < resample->planes; plane++)
		result = resample_run(graph,
			resample_row_of(&resample->store, plane, window->first - resample->first),
			resample->store.pitch, resample_row_of(&resample->made, plane, 0),
			resample->made.pitch, work);
	zimg_filter_graph_free(graph);
	free(work);
	return result;
}

int resample_make(struct resample *resample)
{
	uint32_t count = resample_next_count(resample);
	if (count == 0)
		return 0;
	struct window window = resample_window_of(resample, resample->done, count);
	if (window.end > resample->taken)
		return 0;
	int result = resample_make_batch(resample, &window, count);
	if (result < 0)
		return result;
	resample->done += count;
	uint32_t next = resample_next_count(resample);
	resample_forget(resample,
		next ? resample_window_of(resample, resample->done, next).first : resample->taken);
	return (int)count;
}

const float *resample_row(const struct resample *resample, unsigned plane, unsigned row)
{
	return resample_row_of(&resample->made, plane, row);
}

/* ---- Begin and end ---- */

/* Rows that are in the store at most: what a batch reaches over, and what comes at once. */
static size_t resample_store_rows(const struct resample *resample)
{
	double most =
		ceil(ROWS * resample_ratio_of(resample) + 2 * resample_reach_of(resample)) + 2;
	double height = resample->from.height;
	return (size_t)fmin(most, height) + ROWS;
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
	int result = resample_make_rows(&resample->room, planes, ROWS, from->width);
	if (result == 0)
		result = resample_make_rows(
			&resample->store, planes, resample_store_rows(resample), width);
	if (result == 0)
		result = resample_make_rows(&resample->made, planes, ROWS, width);
	return result < 0 ? result : resample_prepare_across(resample);
}

void resample_close(struct resample *resample)
{
	if (!resample)
		return;
	zimg_filter_graph_free(resample->across);
	free(resample->work);
	free(resample->room.data);
	free(resample->store.data);
	free(resample->made.data);
	free(resample);
}

void resample_prepare(void)
{
	const struct resample_size from = {2, 2, 2, 2};
	struct resample *resample;
	if (resample_open(&resample, 1, &from, 1, 1) == 0 && resample_take(resample, 2) == 0)
		resample_make(resample);
	resample_close(resample);
}
