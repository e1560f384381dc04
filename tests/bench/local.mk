# The benchmark: built by make check, but not run by it, as what it tells is a figure and no
# verdict. tests/integration/test_bench.py sees that it works.

bench_programs = %D%/shmimg-bench
check_PROGRAMS += %D%/shmimg-bench
%C%_shmimg_bench_SOURCES = \
	%D%/bench.h %D%/main.c \
	%D%/attack.c \
	%D%/cache.c %D%/cache.h \
	%D%/echo.c %D%/echo.h \
	%D%/fetch.c \
	%D%/load.c \
	%D%/look.c %D%/look.h \
	%D%/mapping.c \
	%D%/obtain.c \
	%D%/peer.c %D%/peer.h \
	%D%/picture.c %D%/picture.h \
	%D%/sample.c %D%/sample.h \
	%D%/spin.c \
	%D%/touch.h
%C%_shmimg_bench_CFLAGS = $(AM_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS)
%C%_shmimg_bench_LDADD = client/lib/libshmimg.la client/protocol/libprotocol.la \
	$(JPEG_LIBS) $(PNG_LIBS)
EXTRA_DIST += %D%/qt.cc %D%/peers.py %D%/run %D%/table.py

# Qt's example for --peers, where there is Qt and a compiler for it. Plain: nobody looks for
# our faults in it.
if HAVE_QT
bench_programs += %D%/shmimg-bench-qt
check_PROGRAMS += %D%/shmimg-bench-qt
%C%_shmimg_bench_qt_SOURCES = %D%/qt.cc %D%/touch.h
%C%_shmimg_bench_qt_CXXFLAGS = -std=c++17 -fPIC -Wall -Wextra $(QT_CFLAGS)
%C%_shmimg_bench_qt_LDADD = $(QT_LIBS)
%C%_shmimg_bench_qt_LDFLAGS =
endif

.PHONY: bench bench-programs
bench-programs: all $(bench_programs)

# make bench PEERS=yes: the rows of --peers, too.
bench: bench-programs
	SHMIMG_BUILD=$(abs_top_builddir) $(srcdir)/%D%/run $(PEERS:yes=--peers)

# Few images against 100 000: tests/bench/many daemon/shmimgd
check_PROGRAMS += tests/bench/many
tests_bench_many_CFLAGS = $(AM_CFLAGS) $(PNG_CFLAGS)
tests_bench_many_LDADD = $(PNG_LIBS)
