# Unit tests of client/protocol and of the library.

if HAVE_CMOCKA
lib_tests = \
	%D%/test-connect \
	%D%/test-header \
	%D%/test-name \
	%D%/test-reply \
	%D%/test-tables \
	%D%/test-wire
check_PROGRAMS += $(lib_tests)
TESTS += $(lib_tests)

lib_test_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
lib_test_protocol = client/protocol/libprotocol.la $(CMOCKA_LIBS)
lib_test_library = client/lib/libshmimg.la $(CMOCKA_LIBS)
lib_test_daemon = %D%/fake-daemon.c %D%/fake-daemon.h %D%/unit.h
lib_test_segment = %D%/fake-segment.c %D%/fake-segment.h

%C%_test_header_SOURCES = %D%/test-header.c %D%/unit.h
%C%_test_header_CFLAGS = $(lib_test_cflags)
%C%_test_header_LDADD = $(lib_test_protocol)

%C%_test_name_SOURCES = %D%/test-name.c %D%/unit.h
%C%_test_name_CFLAGS = $(lib_test_cflags)
%C%_test_name_LDADD = $(lib_test_protocol)

%C%_test_tables_SOURCES = %D%/test-tables.c %D%/unit.h
%C%_test_tables_CFLAGS = $(lib_test_cflags)
%C%_test_tables_LDADD = $(lib_test_protocol)

%C%_test_wire_SOURCES = %D%/test-wire.c %D%/unit.h
%C%_test_wire_CFLAGS = $(lib_test_cflags)
%C%_test_wire_LDADD = $(lib_test_protocol)

%C%_test_connect_SOURCES = %D%/test-connect.c $(lib_test_daemon)
%C%_test_connect_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
%C%_test_connect_CFLAGS = $(lib_test_cflags)
%C%_test_connect_LDADD = $(lib_test_library)

%C%_test_reply_SOURCES = %D%/test-reply.c $(lib_test_daemon)
%C%_test_reply_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
%C%_test_reply_CFLAGS = $(lib_test_cflags)
%C%_test_reply_LDADD = $(lib_test_library)
endif
