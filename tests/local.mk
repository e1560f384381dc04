# Tests. Programs of make check are in the fragments; tests/run-all runs all the rest.

EXTRA_DIST += \
	%D%/demo %D%/run-all %D%/setup %D%/tally.py \
	%D%/integration %D%/style

include tests/unit/codec.mk
include tests/unit/lib.mk
