# Tests.
include tests/unit/lib.mk
