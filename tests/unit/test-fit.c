/*
 * The size of a smaller form of a picture: inside its box, of the picture's aspect, and the
 * whole picture when that fits.
 */
#include "tests/unit/unit.h"

#include "client/protocol/fit.h"

struct example {
	uint32_t width, height;	       /* of the picture */
	uint32_t most_wide, most_high; /* of the box */
	uint32_t fitted_wide, fitted_high;
};

static void examples(void **state)
{
	(void)state;
	static const struct example all[] = {
		{8000, 6000, 320, 180, 240, 180},
		{6000, 8000, 320, 180, 135, 180},
		{8000, 6000, 320, 0, 320, 240},
		{8000, 6000, 0, 180, 240, 180},
		{8000, 6000, 0, 0, 8000, 6000},
		{320, 180, 320, 180, 320, 180},
		{100, 50, 640, 480, 100, 50},
		{100, 50, 640, 10, 20, 10},
		{3, 2, 2, 2, 2, 1},
		{1000, 10, 149, 0, 149, 1},
		{1000, 10, 149, 1, 149, 1},
		{10, 1000, 1, 149, 1, 149},
		{10000, 1, 10, 10, 10, 1},
		{1, 10000, 10, 10, 1, 10},
		{UINT32_MAX, UINT32_MAX, UINT32_MAX, 1, 1, 1},
		{UINT32_MAX, UINT32_MAX, UINT32_MAX - 1, 0, UINT32_MAX - 1, UINT32_MAX - 1},
	};
	for (size_t i = 0; i < COUNT(all); i++) {
		uint32_t width = all[i].width, height = all[i].height;
		fit_inside(&width, &height, all[i].most_wide, all[i].most_high);
		assert_int_equal(width, all[i].fitted_wide);
		assert_int_equal(height, all[i].fitted_high);
	}
}

/* Every small picture in every small box. */
static void is_the_largest_inside(void **state)
{
	(void)state;
	enum { MOST = 24 };
	for (uint32_t n = 0; n < MOST * MOST * MOST * MOST; n++) {
		const uint32_t full_wide = 1 + n % MOST, full_high = 1 + n / MOST % MOST;
		const uint32_t wide = 1 + n / MOST / MOST % MOST, high = 1 + n / MOST / MOST / MOST;
		uint32_t width = full_wide, height = full_high;
		fit_inside(&width, &height, wide, high);
		assert_true(width >= 1 && width <= wide && width <= full_wide);
		assert_true(height >= 1 && height <= high && height <= full_high);
		assert_true(width == wide || height == high ||
			    (width == full_wide && height == full_high));
	}
}

/* The box, and the size that it gives, give the same form of every small picture. */
static void is_stable(void **state)
{
	(void)state;
	enum { MOST = 24 };
	for (uint32_t n = 0; n < MOST * MOST * MOST * MOST; n++) {
		const uint32_t full_wide = 1 + n % MOST, full_high = 1 + n / MOST % MOST;
		struct box box = {n / MOST / MOST % MOST, n / MOST / MOST / MOST};
		uint32_t width = full_wide, height = full_high;
		fit_inside(&width, &height, box.width, box.height);
		assert_true(fit_matches(width, height, full_wide, full_high, box));
		box = (struct box){width, height};
		assert_true(fit_matches(width, height, full_wide, full_high, box));
		if (width < full_wide || height < full_high)
			assert_false(fit_matches(full_wide, full_high, full_wide, full_high, box));
		uint32_t again_wide = width, again_high = height;
		fit_inside(&again_wide, &again_high, box.width, box.height);
		assert_true(again_wide == width && again_high == height);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples),
		cmocka_unit_test(is_the_largest_inside),
		cmocka_unit_test(is_stable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
