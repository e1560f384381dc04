include tests/unit/codec.mk
include tests/unit/ctl.mk
include tests/unit/lib.mk
