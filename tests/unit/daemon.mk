# Unit tests of the daemon's modules.

if HAVE_CMOCKA
check_LTLIBRARIES += %D%/libdaemontest.la
%C%_libdaemontest_la_SOURCES = %D%/unit.h %D%/world.c %D%/world.h
%C%_libdaemontest_la_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SYSTEMD_CFLAGS) $(BSD_CFLAGS)
%C%_libdaemontest_la_LIBADD = daemon/libdaemon.la $(CMOCKA_LIBS)

daemon_tests = \
	%D%/test-flight \
	%D%/test-glob \
	%D%/test-inbox \
	%D%/test-instance \
	%D%/test-segment \
	%D%/test-semaphore \
	%D%/test-source \
	%D%/test-store
check_PROGRAMS += $(daemon_tests)
TESTS += $(daemon_tests)

check_PROGRAMS += %D%/fake-decoder
%C%_test_flight_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFAKE_DECODER='"$(abs_top_builddir)/tests/unit/fake-decoder"'
%C%_test_flight_LDADD = %D%/libdaemontest.la
%C%_test_glob_LDADD = %D%/libdaemontest.la
%C%_test_inbox_LDADD = %D%/libdaemontest.la
%C%_test_instance_LDADD = %D%/libdaemontest.la
%C%_test_segment_LDADD = %D%/libdaemontest.la
%C%_test_semaphore_LDADD = %D%/libdaemontest.la
%C%_test_source_LDADD = %D%/libdaemontest.la
%C%_test_store_LDADD = %D%/libdaemontest.la
endif
