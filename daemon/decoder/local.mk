# The decoder, a program of its own. All but main is a library, for tests.

noinst_LTLIBRARIES += %D%/libdecoder.la
%C%_libdecoder_la_SOURCES = \
	%D%/pixel/target.c %D%/pixel/target.h \
	daemon/job/channel.c daemon/job/channel.h \
	%D%/codec/codec.c %D%/codec/codec.h \
	%D%/pixel/convert.c %D%/pixel/convert.h \
	%D%/pixel/convert-shuffle.c %D%/pixel/convert-shuffle.h \
	%D%/file/exif.c %D%/file/exif.h \
	%D%/seccomp.c %D%/seccomp.h \
	%D%/file/input.c %D%/file/input.h \
	daemon/job/job.h \
	%D%/codec/jpeg.c \
	%D%/file/picture.c %D%/file/picture.h \
	%D%/codec/png.c \
	%D%/codec/png-exif.c %D%/codec/png-exif.h \
	%D%/sandbox.c %D%/sandbox.h \
	%D%/codec/segment.c \
	%D%/service.c %D%/service.h \
	%D%/pixel/row.h \
	%D%/pixel/scale.h \
	%D%/pixel/spare.c %D%/pixel/spare.h \
	%D%/pixel/stripe-writer.c %D%/pixel/stripe-writer.h \
	%D%/pixel/strip.h
%C%_libdecoder_la_CFLAGS = $(AM_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS) $(SECCOMP_CFLAGS)
%C%_libdecoder_la_LIBADD = $(JPEG_LIBS) $(PNG_LIBS) $(SECCOMP_LIBS) client/protocol/libprotocol.la

if HAVE_ISAL
%C%_libdecoder_la_SOURCES += \
	%D%/codec/png-fast.c %D%/codec/png-fast.h \
	%D%/codec/png-filter.c %D%/codec/png-filter.h \
	%D%/codec/png-filter-x86.c \
	%D%/codec/png-idat.c %D%/codec/png-idat.h
%C%_libdecoder_la_CFLAGS += $(ISAL_CFLAGS)
%C%_libdecoder_la_LIBADD += $(ISAL_LIBS)
endif

if HAVE_ZIMG
%C%_libdecoder_la_SOURCES += \
	%D%/pixel/linear.c %D%/pixel/linear.h \
	%D%/pixel/resample.c %D%/pixel/resample.h \
	%D%/pixel/scale.c
%C%_libdecoder_la_CFLAGS += $(ZIMG_CFLAGS)
%C%_libdecoder_la_LIBADD += $(ZIMG_LIBS) -lm
endif

if HAVE_XPM
%C%_libdecoder_la_SOURCES += \
	%D%/codec/xpm.c \
	%D%/codec/xpm-colours.c %D%/codec/xpm-colours.h \
	%D%/codec/xpm-text.c %D%/codec/xpm-text.h
%C%_libdecoder_la_CFLAGS += $(XPM_CFLAGS)
%C%_libdecoder_la_LIBADD += $(XPM_LIBS)
endif

pkglibexec_PROGRAMS += %D%/shmimg-decoder
%C%_shmimg_decoder_SOURCES = %D%/main.c
%C%_shmimg_decoder_LDADD = %D%/libdecoder.la
