# Unit tests of client/protocol and of the library.

lib_checks = %D%/check-header %D%/check-symbols
TESTS += $(lib_checks)
EXTRA_DIST += $(lib_checks)

# The example of the manual page, compiled with the strictest options; and the other examples.
check_PROGRAMS += %D%/test-example
%C%_test_example_SOURCES = client/lib/example.c
%C%_test_example_CPPFLAGS = -I$(top_srcdir)/client/include
%C%_test_example_CFLAGS = $(AM_CFLAGS) -std=c11 -pedantic
%C%_test_example_LDADD = client/lib/libshmimg.la
check_PROGRAMS += %D%/test-example-slideshow
%C%_test_example_slideshow_SOURCES = client/lib/example-slideshow.c
%C%_test_example_slideshow_CPPFLAGS = -I$(top_srcdir)/client/include
%C%_test_example_slideshow_CFLAGS = $(AM_CFLAGS)
%C%_test_example_slideshow_LDADD = client/lib/libshmimg.la
if HAVE_CAIRO
check_PROGRAMS += %D%/test-example-cairo
%C%_test_example_cairo_SOURCES = client/lib/example-cairo.c
%C%_test_example_cairo_CPPFLAGS = -I$(top_srcdir)/client/include
%C%_test_example_cairo_CFLAGS = $(AM_CFLAGS) $(CAIRO_CFLAGS)
%C%_test_example_cairo_LDADD = client/lib/libshmimg.la $(CAIRO_LIBS)
endif

# Calls of the library, for tests in Python that restart the daemon.
check_PROGRAMS += %D%/library-driver
%C%_library_driver_SOURCES = %D%/library-driver.c
%C%_library_driver_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
%C%_library_driver_LDADD = client/lib/libshmimg.la

# Threads that share a client of the real daemon.
check_PROGRAMS += %D%/library-threads
%C%_library_threads_SOURCES = %D%/library-threads.c
%C%_library_threads_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
%C%_library_threads_LDADD = client/lib/libshmimg.la

if HAVE_CMOCKA
lib_tests = \
	%D%/test-board \
	%D%/test-connect \
	%D%/test-exchange \
	%D%/test-fdpass \
	%D%/test-fit \
	%D%/test-header \
	%D%/test-image \
	%D%/test-image-reply \
	%D%/test-library-fault \
	%D%/test-load \
	%D%/test-lock \
	%D%/test-name \
	%D%/test-options \
	%D%/test-path \
	%D%/test-reconnect \
	%D%/test-record \
	%D%/test-repeat \
	%D%/test-repin \
	%D%/test-reply \
	%D%/test-spin \
	%D%/test-tables \
	%D%/test-trust \
	%D%/test-watch \
	%D%/test-wire
check_PROGRAMS += $(lib_tests)
TESTS += $(lib_tests)

lib_test_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
lib_test_cppflags = $(AM_CPPFLAGS) -D_GNU_SOURCE
lib_test_protocol = client/protocol/libprotocol.la $(CMOCKA_LIBS)
lib_test_library = client/lib/libshmimg.la $(CMOCKA_LIBS)
lib_test_both = client/lib/libshmimg.la client/protocol/libprotocol.la $(CMOCKA_LIBS)
lib_test_daemon = %D%/fake-daemon.c %D%/fake-daemon.h %D%/unit.h
lib_test_image = $(lib_test_daemon) \
	%D%/fake-image.c %D%/fake-image.h \
	%D%/fake-segment.c %D%/fake-segment.h

# With the objects of the library: it does not export these functions.
%C%_test_board_SOURCES = %D%/test-board.c %D%/unit.h $(client_lib_libshmimg_la_SOURCES)
%C%_test_board_CPPFLAGS = $(lib_test_cppflags)
%C%_test_board_CFLAGS = $(lib_test_cflags)
%C%_test_board_LDADD = $(lib_test_protocol)

%C%_test_connect_SOURCES = %D%/test-connect.c $(lib_test_daemon)
%C%_test_connect_CPPFLAGS = $(lib_test_cppflags)
%C%_test_connect_CFLAGS = $(lib_test_cflags)
%C%_test_connect_LDADD = $(lib_test_library)

%C%_test_exchange_SOURCES = %D%/test-exchange.c $(lib_test_image)
%C%_test_exchange_CPPFLAGS = $(lib_test_cppflags)
%C%_test_exchange_CFLAGS = $(lib_test_cflags)
%C%_test_exchange_LDADD = $(lib_test_both)

%C%_test_fdpass_SOURCES = %D%/test-fdpass.c %D%/unit.h
%C%_test_fdpass_CPPFLAGS = $(lib_test_cppflags)
%C%_test_fdpass_CFLAGS = $(lib_test_cflags)
%C%_test_fdpass_LDADD = $(lib_test_protocol)

%C%_test_fit_SOURCES = %D%/test-fit.c %D%/unit.h
%C%_test_fit_CPPFLAGS = $(lib_test_cppflags)
%C%_test_fit_CFLAGS = $(lib_test_cflags)
%C%_test_fit_LDADD = $(lib_test_protocol)

%C%_test_header_SOURCES = %D%/test-header.c %D%/unit.h
%C%_test_header_CPPFLAGS = $(lib_test_cppflags)
%C%_test_header_CFLAGS = $(lib_test_cflags)
%C%_test_header_LDADD = $(lib_test_protocol)

%C%_test_image_SOURCES = %D%/test-image.c $(lib_test_image)
%C%_test_image_CPPFLAGS = $(lib_test_cppflags)
%C%_test_image_CFLAGS = $(lib_test_cflags)
%C%_test_image_LDADD = $(lib_test_both)

%C%_test_image_reply_SOURCES = %D%/test-image-reply.c $(lib_test_image)
%C%_test_image_reply_CPPFLAGS = $(lib_test_cppflags)
%C%_test_image_reply_CFLAGS = $(lib_test_cflags)
%C%_test_image_reply_LDADD = $(lib_test_both)

# With the objects of the library, so that the linker can wrap the functions that they call.
%C%_test_library_fault_SOURCES = %D%/test-library-fault.c \
	%D%/library-fault.c %D%/fault.h %D%/fault-wrap.h \
	$(lib_test_image) $(client_lib_libshmimg_la_SOURCES)
%C%_test_library_fault_CPPFLAGS = $(lib_test_cppflags)
%C%_test_library_fault_CFLAGS = $(lib_test_cflags)
%C%_test_library_fault_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=calloc \
	-Wl,--wrap=connect \
	-Wl,--wrap=fstat64 \
	-Wl,--wrap=getsockopt \
	-Wl,--wrap=malloc \
	-Wl,--wrap=mmap64 \
	-Wl,--wrap=open64 \
	-Wl,--wrap=poll \
	-Wl,--wrap=pread64 \
	-Wl,--wrap=reallocarray \
	-Wl,--wrap=realpath \
	-Wl,--wrap=recvmsg \
	-Wl,--wrap=send \
	-Wl,--wrap=sendmsg \
	-Wl,--wrap=setsockopt \
	-Wl,--wrap=shm_open \
	-Wl,--wrap=socket \
	-Wl,--wrap=strdup
%C%_test_library_fault_LDADD = $(lib_test_protocol)

%C%_test_load_SOURCES = %D%/test-load.c $(lib_test_image)
%C%_test_load_CPPFLAGS = $(lib_test_cppflags)
%C%_test_load_CFLAGS = $(lib_test_cflags)
%C%_test_load_LDADD = $(lib_test_both)

%C%_test_lock_SOURCES = %D%/test-lock.c $(lib_test_image)
%C%_test_lock_CPPFLAGS = $(lib_test_cppflags)
%C%_test_lock_CFLAGS = $(lib_test_cflags)
%C%_test_lock_LDADD = $(lib_test_both)

%C%_test_name_SOURCES = %D%/test-name.c %D%/unit.h
%C%_test_name_CPPFLAGS = $(lib_test_cppflags)
%C%_test_name_CFLAGS = $(lib_test_cflags)
%C%_test_name_LDADD = $(lib_test_protocol)

%C%_test_options_SOURCES = %D%/test-options.c $(lib_test_daemon)
%C%_test_options_CPPFLAGS = $(lib_test_cppflags)
%C%_test_options_CFLAGS = $(lib_test_cflags)
%C%_test_options_LDADD = $(lib_test_library)

%C%_test_path_SOURCES = %D%/test-path.c %D%/unit.h
%C%_test_path_CPPFLAGS = $(lib_test_cppflags)
%C%_test_path_CFLAGS = $(lib_test_cflags)
%C%_test_path_LDADD = $(lib_test_library)

%C%_test_reconnect_SOURCES = %D%/test-reconnect.c $(lib_test_daemon)
%C%_test_reconnect_CPPFLAGS = $(lib_test_cppflags)
%C%_test_reconnect_CFLAGS = $(lib_test_cflags)
%C%_test_reconnect_LDADD = $(lib_test_library)

%C%_test_record_SOURCES = %D%/test-record.c $(lib_test_daemon)
%C%_test_record_CPPFLAGS = $(lib_test_cppflags)
%C%_test_record_CFLAGS = $(lib_test_cflags)
%C%_test_record_LDADD = $(lib_test_library)

%C%_test_repeat_SOURCES = %D%/test-repeat.c $(lib_test_image)
%C%_test_repeat_CPPFLAGS = $(lib_test_cppflags)
%C%_test_repeat_CFLAGS = $(lib_test_cflags)
%C%_test_repeat_LDADD = $(lib_test_both)

%C%_test_repin_SOURCES = %D%/test-repin.c $(lib_test_image)
%C%_test_repin_CPPFLAGS = $(lib_test_cppflags)
%C%_test_repin_CFLAGS = $(lib_test_cflags)
%C%_test_repin_LDADD = $(lib_test_both)

%C%_test_reply_SOURCES = %D%/test-reply.c $(lib_test_daemon)
%C%_test_reply_CPPFLAGS = $(lib_test_cppflags)
%C%_test_reply_CFLAGS = $(lib_test_cflags)
%C%_test_reply_LDADD = $(lib_test_library)

%C%_test_spin_SOURCES = %D%/test-spin.c $(lib_test_daemon)
%C%_test_spin_CPPFLAGS = $(lib_test_cppflags)
%C%_test_spin_CFLAGS = $(lib_test_cflags)
%C%_test_spin_LDADD = $(lib_test_library)

%C%_test_tables_SOURCES = %D%/test-tables.c %D%/unit.h
%C%_test_tables_CPPFLAGS = $(lib_test_cppflags)
%C%_test_tables_CFLAGS = $(lib_test_cflags)
%C%_test_tables_LDADD = $(lib_test_protocol)

%C%_test_watch_SOURCES = %D%/test-watch.c $(lib_test_daemon)
%C%_test_watch_CPPFLAGS = $(lib_test_cppflags)
%C%_test_watch_CFLAGS = $(lib_test_cflags)
%C%_test_watch_LDADD = $(lib_test_library)

%C%_test_trust_SOURCES = %D%/test-trust.c %D%/unit.h
%C%_test_trust_CPPFLAGS = $(lib_test_cppflags)
%C%_test_trust_CFLAGS = $(lib_test_cflags)
%C%_test_trust_LDADD = $(lib_test_protocol)

%C%_test_wire_SOURCES = %D%/test-wire.c %D%/unit.h
%C%_test_wire_CPPFLAGS = $(lib_test_cppflags)
%C%_test_wire_CFLAGS = $(lib_test_cflags)
%C%_test_wire_LDADD = $(lib_test_protocol)
endif
