# Unit tests of shmimgctl.

ctl_scripts = \
	tests/unit/ctl-commands \
	tests/unit/ctl-words
EXTRA_DIST += $(ctl_scripts)
TESTS += $(ctl_scripts)

if HAVE_CMOCKA
ctl_tests = \
	tests/unit/test-ctl-draw \
	tests/unit/test-ctl-file \
	tests/unit/test-ctl-output \
	tests/unit/test-ctl-text
check_PROGRAMS += $(ctl_tests)
TESTS += $(ctl_tests)

ctl_test_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS)
ctl_test_libs = client/ctl/libctl.la $(CMOCKA_LIBS) $(JPEG_LIBS) $(PNG_LIBS)

tests_unit_test_ctl_draw_SOURCES = tests/unit/test-ctl-draw.c tests/unit/unit.h
tests_unit_test_ctl_draw_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_test_ctl_draw_CFLAGS = $(ctl_test_cflags)
tests_unit_test_ctl_draw_LDADD = $(ctl_test_libs)

tests_unit_test_ctl_file_SOURCES = tests/unit/test-ctl-file.c tests/unit/unit.h
tests_unit_test_ctl_file_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_test_ctl_file_CFLAGS = $(ctl_test_cflags)
tests_unit_test_ctl_file_LDADD = $(ctl_test_libs)

tests_unit_test_ctl_output_SOURCES = tests/unit/test-ctl-output.c tests/unit/unit.h
tests_unit_test_ctl_output_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_test_ctl_output_CFLAGS = $(ctl_test_cflags)
tests_unit_test_ctl_output_LDADD = $(ctl_test_libs)

tests_unit_test_ctl_text_SOURCES = tests/unit/test-ctl-text.c tests/unit/unit.h
tests_unit_test_ctl_text_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_test_ctl_text_CFLAGS = $(ctl_test_cflags)
tests_unit_test_ctl_text_LDADD = $(ctl_test_libs)
endif
