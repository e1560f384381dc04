# shmimg-viewer, if GTK 4 is there. Uses the library alone, by its public header.

EXTRA_DIST += %D%/shmimg-viewer.desktop %D%/shmimg-viewer.svg

if VIEWER
bin_PROGRAMS += %D%/shmimg-viewer
%C%_shmimg_viewer_SOURCES = \
	%D%/catalog.c %D%/catalog.h \
	%D%/chooser.c %D%/chooser.h \
	%D%/connection.c %D%/connection.h \
	%D%/layout.c %D%/layout.h \
	%D%/main.c \
	%D%/texture.c %D%/texture.h \
	%D%/view.c %D%/view.h \
	%D%/window.c %D%/window.h
%C%_shmimg_viewer_CPPFLAGS = $(AM_CPPFLAGS) \
	-DGDK_VERSION_MIN_REQUIRED=GDK_VERSION_4_8 -DGDK_VERSION_MAX_ALLOWED=GDK_VERSION_4_8
%C%_shmimg_viewer_CFLAGS = $(AM_CFLAGS) $(GTK_CFLAGS)
%C%_shmimg_viewer_LDADD = client/lib/libshmimg.la $(GTK_LIBS)

viewer_desktopdir = $(datadir)/applications
viewer_icondir = $(datadir)/icons/hicolor/scalable/apps
viewer_desktop_DATA = %D%/shmimg-viewer.desktop
viewer_icon_DATA = %D%/shmimg-viewer.svg
dist_man_MANS += %D%/shmimg-viewer.1
else
EXTRA_DIST += %D%/shmimg-viewer.1
endif
