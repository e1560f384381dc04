# Unit tests of client/protocol and of the library.

if HAVE_CMOCKA
lib_tests = \
	tests/unit/test-header \
	tests/unit/test-name \
	tests/unit/test-tables \
	tests/unit/test-wire
check_PROGRAMS += $(lib_tests)
TESTS += $(lib_tests)

lib_test_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
lib_test_libs = client/protocol/libprotocol.la $(CMOCKA_LIBS)

tests_unit_test_header_SOURCES = tests/unit/test-header.c tests/unit/unit.h
tests_unit_test_header_CFLAGS = $(lib_test_cflags)
tests_unit_test_header_LDADD = $(lib_test_libs)

tests_unit_test_name_SOURCES = tests/unit/test-name.c tests/unit/unit.h
tests_unit_test_name_CFLAGS = $(lib_test_cflags)
tests_unit_test_name_LDADD = $(lib_test_libs)

tests_unit_test_tables_SOURCES = tests/unit/test-tables.c tests/unit/unit.h
tests_unit_test_tables_CFLAGS = $(lib_test_cflags)
tests_unit_test_tables_LDADD = $(lib_test_libs)

tests_unit_test_wire_SOURCES = tests/unit/test-wire.c tests/unit/unit.h
tests_unit_test_wire_CFLAGS = $(lib_test_cflags)
tests_unit_test_wire_LDADD = $(lib_test_libs)
endif
