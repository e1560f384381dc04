# The benchmark: not part of make check, as what it tells is a figure and no verdict.

EXTRA_PROGRAMS = %D%/shmimg-bench
%C%_shmimg_bench_SOURCES = \
	%D%/bench.h %D%/main.c \
	%D%/echo.c %D%/echo.h \
	%D%/fetch.c \
	%D%/load.c \
	%D%/mapping.c \
	%D%/peer.c %D%/peer.h \
	%D%/picture.c %D%/picture.h \
	%D%/sample.c %D%/sample.h
%C%_shmimg_bench_CFLAGS = $(AM_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS)
%C%_shmimg_bench_LDADD = client/lib/libshmimg.la client/protocol/libprotocol.la \
	$(JPEG_LIBS) $(PNG_LIBS)
EXTRA_DIST += %D%/run
CLEANFILES += %D%/shmimg-bench

.PHONY: bench
bench: all %D%/shmimg-bench
	SHMIMG_BUILD=$(abs_top_builddir) $(srcdir)/%D%/run

# Few images against 100 000: tests/bench/many daemon/shmimgd
check_PROGRAMS += tests/bench/many
tests_bench_many_CFLAGS = $(AM_CFLAGS) $(PNG_CFLAGS)
tests_bench_many_LDADD = $(PNG_LIBS)
