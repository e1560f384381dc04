# Tests of the decoder and its codecs.

# For whatever links png-pair.c.
png_pair_wraps = \
	-Wl,--wrap=calloc \
	-Wl,--wrap=malloc \
	-Wl,--wrap=png_fast_decode \
	-Wl,--wrap=reallocarray

if HAVE_CMOCKA
check_LTLIBRARIES += tests/unit/libdecodertest.la
tests_unit_libdecodertest_la_SOURCES = \
	tests/unit/decoder-harness.c tests/unit/decoder-harness.h \
	tests/unit/exif-writer.c tests/unit/exif-writer.h \
	tests/unit/expectation.c tests/unit/expectation.h \
	tests/unit/jpeg-writer.c tests/unit/jpeg-writer.h \
	tests/unit/png-writer.c tests/unit/png-writer.h \
	tests/unit/reduction.c tests/unit/reduction.h \
	tests/unit/unit.h
tests_unit_libdecodertest_la_CPPFLAGS = $(AM_CPPFLAGS) \
	-DDECODER_PROGRAM='"$(abs_top_builddir)/daemon/decoder/shmimg-decoder"'
tests_unit_libdecodertest_la_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS)
tests_unit_libdecodertest_la_LIBADD = daemon/decoder/libdecoder.la \
	$(CMOCKA_LIBS) $(JPEG_LIBS) $(PNG_LIBS) -lm

decoder_tests = \
	tests/unit/test-codec-broken \
	tests/unit/test-codec-jpeg \
	tests/unit/test-codec-parts \
	tests/unit/test-codec-png \
	tests/unit/test-decoder \
	tests/unit/test-decoder-order \
	tests/unit/test-decoder-spare \
	tests/unit/test-sandbox \
	tests/unit/test-segment-source \
	tests/unit/test-stripe-writer
tests_unit_test_codec_broken_LDADD = tests/unit/libdecodertest.la
tests_unit_test_codec_jpeg_LDADD = tests/unit/libdecodertest.la
tests_unit_test_codec_parts_LDADD = tests/unit/libdecodertest.la
tests_unit_test_codec_png_LDADD = tests/unit/libdecodertest.la
tests_unit_test_decoder_order_LDADD = tests/unit/libdecodertest.la
tests_unit_test_decoder_spare_LDADD = tests/unit/libdecodertest.la
tests_unit_test_segment_source_LDADD = tests/unit/libdecodertest.la
tests_unit_test_stripe_writer_LDADD = tests/unit/libdecodertest.la
tests_unit_test_decoder_LDADD = tests/unit/libdecodertest.la

check_PROGRAMS += tests/unit/forbidden-decoder
tests_unit_forbidden_decoder_SOURCES = tests/unit/forbidden-decoder.c tests/unit/forbidden.h
tests_unit_forbidden_decoder_LDADD = daemon/decoder/libdecoder.la
tests_unit_test_sandbox_SOURCES = tests/unit/test-sandbox.c tests/unit/forbidden.h
tests_unit_test_sandbox_CPPFLAGS = $(AM_CPPFLAGS) $(SECCOMP_CFLAGS) \
	-DDECODER_PROGRAM='"$(abs_top_builddir)/daemon/decoder/shmimg-decoder"' \
	-DFORBIDDEN_DECODER='"$(abs_top_builddir)/tests/unit/forbidden-decoder"'
tests_unit_test_sandbox_LDADD = tests/unit/libdecodertest.la $(SECCOMP_LIBS)

if HAVE_ISAL
decoder_tests += tests/unit/test-png-broken tests/unit/test-png-fast tests/unit/test-png-filter
png_pair = \
	tests/unit/png-builder.c tests/unit/png-builder.h \
	tests/unit/png-pair.c tests/unit/png-pair.h \
	tests/unit/png-verdict.c tests/unit/png-verdict.h
tests_unit_test_png_broken_SOURCES = tests/unit/test-png-broken.c $(png_pair)
tests_unit_test_png_broken_LDFLAGS = $(AM_LDFLAGS) $(png_pair_wraps)
tests_unit_test_png_broken_LDADD = tests/unit/libdecodertest.la -lz
tests_unit_test_png_fast_SOURCES = tests/unit/test-png-fast.c $(png_pair)
tests_unit_test_png_fast_LDFLAGS = $(AM_LDFLAGS) $(png_pair_wraps)
tests_unit_test_png_fast_LDADD = tests/unit/libdecodertest.la -lz
tests_unit_test_png_filter_LDADD = tests/unit/libdecodertest.la
endif

if HAVE_ZIMG
decoder_tests += tests/unit/test-scale tests/unit/test-scale-fault
tests_unit_test_scale_fault_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(ZIMG_CFLAGS)
tests_unit_test_scale_fault_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=calloc \
	-Wl,--wrap=fallocate64 \
	-Wl,--wrap=malloc \
	-Wl,--wrap=mmap64 \
	-Wl,--wrap=posix_memalign \
	-Wl,--wrap=pwrite64 \
	-Wl,--wrap=reallocarray \
	-Wl,--wrap=zimg_filter_graph_build \
	-Wl,--wrap=zimg_filter_graph_get_tmp_size \
	-Wl,--wrap=zimg_filter_graph_process
tests_unit_test_scale_fault_LDADD = tests/unit/libdecodertest.la $(ZIMG_LIBS)
tests_unit_test_scale_LDADD = tests/unit/libdecodertest.la
endif

if HAVE_XPM
decoder_tests += tests/unit/test-codec-xpm
tests_unit_test_codec_xpm_LDADD = tests/unit/libdecodertest.la
endif

check_PROGRAMS += $(decoder_tests)
TESTS += $(decoder_tests)
endif
