# The library: exports what shmimg.h declares and nothing else.

lib_LTLIBRARIES += %D%/libshmimg.la
%C%_libshmimg_la_SOURCES = \
	%D%/ask.c \
	%D%/board.c %D%/board.h \
	%D%/call.c %D%/call.h \
	%D%/channel.c %D%/channel.h \
	%D%/cleanup.h \
	%D%/client.c %D%/client.h \
	%D%/deadline.c %D%/deadline.h \
	%D%/exchange.c %D%/exchange.h \
	%D%/format.c \
	%D%/greet.c %D%/greet.h \
	%D%/image.c %D%/image.h \
	%D%/kept.c %D%/kept.h \
	%D%/load.c \
	%D%/lock.c \
	%D%/options.c %D%/options.h \
	%D%/path.c \
	%D%/pins.c %D%/pins.h \
	%D%/promise.c %D%/promise.h \
	%D%/public.h \
	%D%/reconnect.c %D%/reconnect.h \
	%D%/record.c %D%/record.h \
	%D%/release.c %D%/release.h \
	%D%/watch.c
%C%_libshmimg_la_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
%C%_libshmimg_la_LIBADD = client/protocol/libprotocol.la
%C%_libshmimg_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(SHMIMG_LTVERSION) -no-undefined \
	-Wl,--version-script=$(srcdir)/%D%/libshmimg.map
EXTRA_%C%_libshmimg_la_DEPENDENCIES = %D%/libshmimg.map
EXTRA_DIST += %D%/example.c %D%/example-cairo.c %D%/example-slideshow.c %D%/libshmimg.map
dist_man_MANS += %D%/libshmimg.3
pkgconfig_DATA += %D%/shmimg.pc
