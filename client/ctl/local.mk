# shmimgctl. What does not talk to the daemon is a library of its own, for the tests.

noinst_LTLIBRARIES += %D%/libctl.la
%C%_libctl_la_SOURCES = \
	%D%/base64.c %D%/base64.h \
	%D%/draw.c %D%/draw.h \
	%D%/draw-blocks.c \
	%D%/draw-kitty.c \
	%D%/draw-sixel.c \
	%D%/exit.h \
	%D%/json.c %D%/json.h \
	%D%/memory.c %D%/memory.h \
	%D%/message.c %D%/message.h \
	%D%/output.c %D%/output.h \
	%D%/output-file.c %D%/output-file.h \
	%D%/output-jpeg.c \
	%D%/output-pam.c \
	%D%/output-png.c \
	%D%/palette.c %D%/palette.h \
	%D%/pixmap.c %D%/pixmap.h \
	%D%/progress.c %D%/progress.h \
	%D%/raster.c %D%/raster.h \
	%D%/shared-copy.c %D%/shared-copy.h \
	%D%/table.c %D%/table.h \
	%D%/terminal.c %D%/terminal.h \
	%D%/terminal-traits.c %D%/terminal-traits.h \
	%D%/text.c %D%/text.h
%C%_libctl_la_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
%C%_libctl_la_CFLAGS = $(AM_CFLAGS) $(JPEG_CFLAGS) $(PNG_CFLAGS)
%C%_libctl_la_LIBADD = client/protocol/libprotocol.la $(JPEG_LIBS) $(PNG_LIBS) -lm

bin_PROGRAMS += %D%/shmimgctl
%C%_shmimgctl_SOURCES = \
	client/common/by-name.c client/common/by-name.h \
	%D%/autostart.c %D%/autostart.h \
	%D%/client.c %D%/client.h \
	%D%/command-doctor.c \
	%D%/command-drop.c \
	%D%/command-fetch.c \
	%D%/command-list.c \
	%D%/command-load.c \
	%D%/command-lock.c \
	%D%/command-show.c \
	%D%/command-top.c \
	%D%/command-watch.c \
	%D%/commands.h \
	%D%/daemon-find.c %D%/daemon-find.h \
	%D%/diagnosis.c %D%/diagnosis.h \
	%D%/doctor.h \
	%D%/doctor-image.c \
	%D%/doctor-limits.c \
	%D%/doctor-memory.c \
	%D%/doctor-socket.c \
	%D%/failure.c %D%/failure.h \
	%D%/help.c %D%/help.h \
	%D%/image-raster.c %D%/image-raster.h \
	%D%/listing.c %D%/listing.h \
	%D%/load-pool.c %D%/load-pool.h \
	%D%/main.c \
	%D%/options.c %D%/options.h \
	%D%/record.c %D%/record.h \
	%D%/top.c %D%/top.h \
	%D%/verb.c %D%/verb.h
%C%_shmimgctl_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE -DBINDIR='"$(bindir)"' \
	-DSYSCONFDIR='"$(sysconfdir)"'
%C%_shmimgctl_CFLAGS = $(AM_CFLAGS) -pthread
%C%_shmimgctl_LDADD = %D%/libctl.la client/lib/libshmimg.la client/protocol/libprotocol.la

dist_man_MANS += %D%/shmimgctl.1
dist_bash_completion_DATA += %D%/completion/shmimgctl
dist_zsh_completion_DATA += %D%/completion/_shmimgctl
