# The library. It exports only what shmimg.h declares.

lib_LTLIBRARIES += %D%/libshmimg.la
%C%_libshmimg_la_SOURCES = \
	%D%/ask.c \
	%D%/board.c %D%/board.h \
	%D%/call.c %D%/call.h \
	%D%/channel.c %D%/channel.h \
	%D%/cleanup.h \
	%D%/client.c %D%/client.h \
	%D%/connect.c \
	%D%/deadline.c %D%/deadline.h \
	%D%/exchange.c %D%/exchange.h \
	%D%/format.c \
	%D%/handshake.c %D%/handshake.h \
	%D%/image-reply.c %D%/image-reply.h \
	%D%/image.c %D%/image.h \
	%D%/internal-request.c %D%/internal-request.h \
	%D%/load.c \
	%D%/lock.c \
	%D%/mapping-cache.c %D%/mapping-cache.h \
	%D%/options.c %D%/options.h \
	%D%/path.c \
	%D%/pins.c %D%/pins.h \
	%D%/public.h \
	%D%/reconnect.c %D%/reconnect.h \
	%D%/record.c %D%/record.h \
	%D%/release.c %D%/release.h \
	%D%/round-trip.c %D%/round-trip.h \
	%D%/watch.c
%C%_libshmimg_la_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
%C%_libshmimg_la_LIBADD = client/protocol/libprotocol.la
%C%_libshmimg_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(SHMIMG_LTVERSION) -no-undefined \
	-Wl,--version-script=$(srcdir)/%D%/libshmimg.map
EXTRA_%C%_libshmimg_la_DEPENDENCIES = %D%/libshmimg.map
EXTRA_DIST += %D%/example.c %D%/example-cairo.c %D%/example-slideshow.c %D%/libshmimg.map
# A manual page for each group of calls; the other calls of a group refer to it.
dist_man_MANS += \
	%D%/libshmimg.3 \
	%D%/shmimg_connect.3 \
	%D%/shmimg_fetch.3 \
	%D%/shmimg_format_name.3 \
	%D%/shmimg_list.3 \
	%D%/shmimg_load.3 \
	%D%/shmimg_lock.3 \
	%D%/shmimg_pixels.3 \
	%D%/shmimg_watch.3
pages_like_connect = \
	%D%/shmimg_close.3 %D%/shmimg_fd.3 %D%/shmimg_set_timeout.3 %D%/shmimg_set_kept.3 \
	%D%/shmimg_set_spin.3 %D%/shmimg_message.3 %D%/shmimg_code.3 %D%/shmimg_daemon_version.3
pages_like_fetch = \
	%D%/shmimg_unref.3 %D%/shmimg_release.3 %D%/shmimg_drop.3
pages_like_format_name = \
	%D%/shmimg_format_parse.3 %D%/shmimg_format_bytes.3
pages_like_list = \
	%D%/shmimg_stat.3 %D%/shmimg_stats.3 %D%/shmimg_record_get.3 %D%/shmimg_record_at.3
pages_like_load = \
	%D%/shmimg_load_fd.3 %D%/shmimg_name_of_path.3
pages_like_lock = \
	%D%/shmimg_unlock.3
pages_like_pixels = \
	%D%/shmimg_width.3 %D%/shmimg_height.3 %D%/shmimg_full_width.3 \
	%D%/shmimg_full_height.3 %D%/shmimg_stride.3 %D%/shmimg_image_format.3 \
	%D%/shmimg_fourcc.3 %D%/shmimg_orientation.3 %D%/shmimg_generation.3 %D%/shmimg_name.3 \
	%D%/shmimg_owner.3 %D%/shmimg_cached.3 %D%/shmimg_segment.3 %D%/shmimg_segment_size.3 \
	%D%/shmimg_metadata.3
pages_like_watch = \
	%D%/shmimg_next_event.3
nodist_man_MANS += \
	$(pages_like_connect) $(pages_like_fetch) $(pages_like_format_name) \
	$(pages_like_list) $(pages_like_load) $(pages_like_lock) $(pages_like_pixels) \
	$(pages_like_watch)
$(pages_like_connect):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && echo '.so man3/shmimg_connect.3' >$@
$(pages_like_fetch):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && echo '.so man3/shmimg_fetch.3' >$@
$(pages_like_format_name):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && echo '.so man3/shmimg_format_name.3' >$@
$(pages_like_list):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && echo '.so man3/shmimg_list.3' >$@
$(pages_like_load):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && echo '.so man3/shmimg_load.3' >$@
$(pages_like_lock):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && echo '.so man3/shmimg_lock.3' >$@
$(pages_like_pixels):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && echo '.so man3/shmimg_pixels.3' >$@
$(pages_like_watch):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && echo '.so man3/shmimg_watch.3' >$@
CLEANFILES += $(nodist_man_MANS)
pkgconfig_DATA += %D%/shmimg.pc
