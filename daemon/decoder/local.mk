# The decoder, a program of its own.
EXTRA_DIST += daemon/decoder/job.h
