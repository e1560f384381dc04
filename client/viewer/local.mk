# shmimg-viewer, if GTK 4 is there. Uses the library alone, by its public header.

EXTRA_DIST += %D%/shmimg-viewer.desktop %D%/shmimg-viewer.metainfo.xml %D%/shmimg-viewer.svg \
	%D%/shmimg-viewer.png

if VIEWER
bin_PROGRAMS += %D%/shmimg-viewer
%C%_shmimg_viewer_SOURCES = \
	client/common/by-name.c client/common/by-name.h \
	%D%/accessible.c %D%/accessible.h \
	%D%/canvas.c %D%/canvas.h \
	%D%/catalog.c %D%/catalog.h \
	%D%/chooser.c %D%/chooser.h \
	%D%/connection.c %D%/connection.h \
	%D%/entry.c %D%/entry.h \
	%D%/facts.c %D%/facts.h \
	%D%/keys.c %D%/keys.h \
	%D%/layout.c %D%/layout.h \
	%D%/main.c \
	%D%/notifier.c %D%/notifier.h \
	%D%/observer.c %D%/observer.h \
	%D%/picture.c %D%/picture.h \
	%D%/reduce.c %D%/reduce.h \
	%D%/request.c %D%/request.h \
	%D%/sidebar.c %D%/sidebar.h \
	%D%/updates.c %D%/updates.h \
	%D%/view.c %D%/view.h \
	%D%/window.c %D%/window.h %D%/window-state.h
%C%_shmimg_viewer_CPPFLAGS = $(AM_CPPFLAGS) \
	-DGDK_VERSION_MIN_REQUIRED=GDK_VERSION_4_8 -DGDK_VERSION_MAX_ALLOWED=GDK_VERSION_4_8
%C%_shmimg_viewer_CFLAGS = $(AM_CFLAGS) $(GTK_CFLAGS)
%C%_shmimg_viewer_LDADD = client/lib/libshmimg.la $(GTK_LIBS) -lm

viewer_desktopdir = $(datadir)/applications
viewer_metainfodir = $(datadir)/metainfo
viewer_icondir = $(datadir)/icons/hicolor/scalable/apps
viewer_desktop_DATA = %D%/shmimg-viewer.desktop
viewer_metainfo_DATA = %D%/shmimg-viewer.metainfo.xml
doc_DATA = %D%/shmimg-viewer.png
viewer_icon_DATA = %D%/shmimg-viewer.svg
dist_man_MANS += %D%/shmimg-viewer.1
else
EXTRA_DIST += %D%/shmimg-viewer.1
endif
