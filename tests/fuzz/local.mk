# Fuzz targets: by libFuzzer with --enable-fuzzing, else programs that try their corpus again.

EXTRA_DIST += %D%/run %D%/corpus \
	%D%/dispatch.dict %D%/jpeg.dict %D%/png.dict %D%/wire.dict %D%/xpm.dict

if FUZZING
fuzz_main =
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
fuzz_main = %D%/replay.c
fuzz_ldflags = $(AM_LDFLAGS)
TESTS += $(fuzz_targets)
endif
fuzz_common = %D%/target.c %D%/target.h $(fuzz_main)
fuzz_decode = $(fuzz_common) %D%/decode.c %D%/decode.h
fuzz_cppflags = $(AM_CPPFLAGS) -DCORPUS='"$(abs_top_srcdir)/%D%/corpus"'

fuzz_targets = \
	%D%/fuzz-header \
	%D%/fuzz-jpeg \
	%D%/fuzz-png \
	%D%/fuzz-segment \
	%D%/fuzz-wire
check_PROGRAMS += $(fuzz_targets)

%C%_fuzz_header_SOURCES = %D%/fuzz-header.c %D%/checksum.h $(fuzz_common)
%C%_fuzz_header_CPPFLAGS = $(fuzz_cppflags) -DTARGET='"header"'
%C%_fuzz_header_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_header_LDADD = client/protocol/libprotocol.la

%C%_fuzz_wire_SOURCES = %D%/fuzz-wire.c $(fuzz_common)
%C%_fuzz_wire_CPPFLAGS = $(fuzz_cppflags) -DTARGET='"wire"'
%C%_fuzz_wire_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_wire_LDADD = daemon/libdaemon.la

fuzz_codec = daemon/decoder/libdecoder.la daemon/libdaemon.la

%C%_fuzz_jpeg_SOURCES = %D%/fuzz-jpeg.c $(fuzz_decode)
%C%_fuzz_jpeg_CPPFLAGS = $(fuzz_cppflags) -DTARGET='"jpeg"'
%C%_fuzz_jpeg_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_jpeg_LDADD = $(fuzz_codec)

%C%_fuzz_png_SOURCES = %D%/fuzz-png.c %D%/checksum.h $(fuzz_decode)
%C%_fuzz_png_CPPFLAGS = $(fuzz_cppflags) -DTARGET='"png"'
%C%_fuzz_png_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_png_LDADD = $(fuzz_codec)

%C%_fuzz_segment_SOURCES = %D%/fuzz-segment.c %D%/checksum.h $(fuzz_decode)
%C%_fuzz_segment_CPPFLAGS = $(fuzz_cppflags) -DTARGET='"segment"'
%C%_fuzz_segment_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_segment_LDADD = $(fuzz_codec)

if HAVE_ISAL
fuzz_targets += %D%/fuzz-png-pair
%C%_fuzz_png_pair_SOURCES = %D%/fuzz-png-pair.c %D%/checksum.h $(fuzz_common) \
	tests/unit/png-pair.c tests/unit/png-pair.h
%C%_fuzz_png_pair_CPPFLAGS = $(fuzz_cppflags) -DTARGET='"png-pair"'
%C%_fuzz_png_pair_LDFLAGS = $(fuzz_ldflags) $(png_pair_wraps)
%C%_fuzz_png_pair_LDADD = $(fuzz_codec) $(PNG_LIBS) -lz
endif

if HAVE_XPM
fuzz_targets += %D%/fuzz-xpm
%C%_fuzz_xpm_SOURCES = %D%/fuzz-xpm.c $(fuzz_decode)
%C%_fuzz_xpm_CPPFLAGS = $(fuzz_cppflags) -DTARGET='"xpm"'
%C%_fuzz_xpm_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_xpm_LDADD = $(fuzz_codec)
endif

if HAVE_CMOCKA
check_PROGRAMS += %D%/make-seeds
%C%_make_seeds_SOURCES = %D%/make-seeds.c
%C%_make_seeds_CFLAGS = $(AM_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS)
%C%_make_seeds_LDADD = tests/unit/libdecodertest.la
endif

if HAVE_CMOCKA
# Decoders without processes, for the daemon's side.
puppet = %D%/puppet.c %D%/puppet.h
puppet_wraps = \
	-Wl,--wrap=kill \
	-Wl,--wrap=spawn_end \
	-Wl,--wrap=spawn_start \
	-Wl,--wrap=sd_event_add_child
puppet_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SYSTEMD_CFLAGS) $(BSD_CFLAGS)

fuzz_targets += %D%/fuzz-channel %D%/fuzz-dispatch
%C%_fuzz_channel_SOURCES = %D%/fuzz-channel.c $(puppet) $(fuzz_decode)
%C%_fuzz_channel_CPPFLAGS = $(fuzz_cppflags) -DTARGET='"channel"'
%C%_fuzz_channel_CFLAGS = $(puppet_cflags)
%C%_fuzz_channel_LDFLAGS = $(fuzz_ldflags) $(puppet_wraps)
%C%_fuzz_channel_LDADD = tests/unit/libdaemontest.la daemon/decoder/libdecoder.la

%C%_fuzz_dispatch_SOURCES = %D%/fuzz-dispatch.c %D%/client.c %D%/client.h $(puppet) $(fuzz_common)
%C%_fuzz_dispatch_CPPFLAGS = $(fuzz_cppflags) -DTARGET='"dispatch"'
%C%_fuzz_dispatch_CFLAGS = $(puppet_cflags)
%C%_fuzz_dispatch_LDFLAGS = $(fuzz_ldflags) $(puppet_wraps)
%C%_fuzz_dispatch_LDADD = tests/unit/libdaemontest.la
endif
