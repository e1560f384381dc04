# The protocol, linked by client and daemon. It includes no other folder.

noinst_LTLIBRARIES += %D%/libprotocol.la
%C%_libprotocol_la_SOURCES = \
	%D%/board.h \
	%D%/command.c %D%/command.h \
	%D%/fault.c %D%/fault.h \
	%D%/fdpass.c %D%/fdpass.h \
	%D%/fit.c %D%/fit.h \
	%D%/format.c %D%/format.h \
	%D%/header.c %D%/header.h \
	%D%/keep.c %D%/keep.h \
	%D%/name.c %D%/name.h \
	%D%/peer.c %D%/peer.h \
	%D%/runtime.c %D%/runtime.h \
	%D%/share.c %D%/share.h \
	%D%/wire.c %D%/wire.h

dist_man_MANS += %D%/shmimg-protocol.7 %D%/shmimg-segment.5
