# The daemon; all but its main file is a library that the unit tests link too.

dist_man_MANS += %D%/manual/shmimgd.8 %D%/manual/shmimgd.conf.5 %D%/manual/shmimgd-performance.7 %D%/manual/shmimgd-security.7
dist_doc_DATA += %D%/shmimgd.conf
dist_bash_completion_DATA += %D%/completion/shmimgd
dist_zsh_completion_DATA += %D%/completion/_shmimgd

noinst_LTLIBRARIES += %D%/libdaemon.la
%C%_libdaemon_la_CPPFLAGS = $(AM_CPPFLAGS) -DDECODER='"$(pkglibexecdir)/shmimg-decoder"' \
	-DSYSCONFDIR='"$(sysconfdir)"'
%C%_libdaemon_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(BSD_CFLAGS) $(ACL_CFLAGS) $(INIH_CFLAGS)
%C%_libdaemon_la_LIBADD = client/protocol/libprotocol.la $(SYSTEMD_LIBS) $(ACL_LIBS) $(INIH_LIBS)
%C%_libdaemon_la_SOURCES = \
	%D%/segment/acl.c %D%/segment/acl.h \
	%D%/user/account.c %D%/user/account.h \
	%D%/activation.c %D%/activation.h \
	%D%/store/adopt.c %D%/store/adopt.h \
	%D%/segment/board.c %D%/segment/board.h \
	%D%/socket/buffer.c %D%/socket/buffer.h \
	%D%/store/change-log.c %D%/store/change-log.h \
	%D%/base/cleanup.h \
	%D%/base/clock.c %D%/base/clock.h \
	%D%/base/tiny.h \
	%D%/base/turn-times.c %D%/base/turn-times.h \
	%D%/file/close-queue.c %D%/file/close-queue.h \
	%D%/file/close-threads.c %D%/file/close-threads.h \
	%D%/command/client.h \
	%D%/command/cancel.c \
	%D%/command/call.c %D%/command/call.h \
	%D%/command/describe.c %D%/command/describe.h \
	%D%/command/drop.c \
	%D%/command/fetch.c \
	%D%/command/hello.c \
	%D%/command/list.c \
	%D%/command/listing.c %D%/command/listing.h \
	%D%/command/load.c \
	%D%/command/stat.c %D%/command/stat.h \
	%D%/command/stats.c \
	%D%/command/watch.c \
	%D%/config/command-line.c %D%/config/command-line.h \
	%D%/command/arguments.c %D%/command/arguments.h \
	%D%/config/file.c %D%/config/file.h \
	%D%/config/configuration.c %D%/config/configuration.h \
	%D%/socket/connection.c %D%/socket/connection.h \
	%D%/user/credentials.c %D%/user/credentials.h \
	%D%/config/defaults.c %D%/config/defaults.h \
	%D%/store/derivation.c %D%/store/derivation.h \
	%D%/base/fd-budget.c %D%/base/fd-budget.h \
	%D%/command/dispatch.c %D%/command/dispatch.h \
	%D%/command/handlers.h \
	%D%/engine/engine.c %D%/engine/engine.h \
	%D%/store/eviction.c %D%/store/eviction.h \
	%D%/engine/attached.c %D%/engine/attached.h \
	%D%/engine/counters.h \
	%D%/engine/load.c %D%/engine/load.h \
	%D%/engine/loader.c %D%/engine/loader.h \
	%D%/engine/follow.c %D%/engine/follow.h \
	%D%/base/glob.c %D%/base/glob.h \
	%D%/base/lru.c %D%/base/lru.h \
	%D%/store/image.c %D%/store/image.h \
	%D%/socket/incoming.c %D%/socket/incoming.h \
	%D%/socket/malformed.c %D%/socket/malformed.h \
	%D%/socket/inbox.c %D%/socket/inbox.h \
	%D%/store/index.c %D%/store/index.h \
	%D%/instance.c %D%/instance.h \
	%D%/engine/load-request.c %D%/engine/load-request.h \
	%D%/store/lifetime.c %D%/store/lifetime.h \
	%D%/log/log.c %D%/log/log.h \
	%D%/log/stream.c %D%/log/stream.h \
	%D%/log/entry.h \
	%D%/file/mount.c %D%/file/mount.h \
	%D%/segment/follow-record.c %D%/segment/follow-record.h \
	%D%/log/journal.c %D%/log/journal.h \
	%D%/log/limit.c %D%/log/limit.h \
	%D%/notify.c %D%/notify.h \
	%D%/config/options.c %D%/config/options.h \
	%D%/store/observer.h \
	%D%/socket/outbox.c %D%/socket/outbox.h \
	%D%/decode/layout.c %D%/decode/layout.h \
	%D%/decode/pool.c %D%/decode/pool.h \
	%D%/engine/pressure.c %D%/engine/pressure.h \
	%D%/job/channel.c %D%/job/channel.h \
	%D%/job/job.h \
	%D%/job/spawn.c %D%/job/spawn.h \
	%D%/store/publish.c %D%/store/publish.h \
	%D%/store/seal.c %D%/store/seal.h \
	%D%/segment/identity.h \
	%D%/socket/drain.c %D%/socket/drain.h \
	%D%/base/random.c %D%/base/random.h \
	%D%/segment/deferred-free.c %D%/segment/deferred-free.h \
	%D%/reload.c %D%/reload.h \
	%D%/engine/refresh.c %D%/engine/refresh.h \
	%D%/command/reply.c %D%/command/reply.h \
	%D%/engine/load-log.c %D%/engine/load-log.h \
	%D%/segment/remains.c %D%/segment/remains.h \
	%D%/segment/segment.c %D%/segment/segment.h \
	%D%/segment/semaphore.c %D%/segment/semaphore.h \
	%D%/socket/server.c %D%/socket/server.h \
	%D%/socket/transit.c %D%/socket/transit.h \
	%D%/command/session.c %D%/command/session.h \
	%D%/base/siphash.c %D%/base/siphash.h \
	%D%/file/source.c %D%/file/source.h \
	%D%/decode/spare.c %D%/decode/spare.h \
	%D%/store/store.c %D%/store/store.h \
	%D%/file/path-watch.c %D%/file/path-watch.h \
	%D%/segment/shm-folder.c %D%/segment/shm-folder.h \
	%D%/segment/unlinked.c %D%/segment/unlinked.h \
	%D%/socket/scheduler.c %D%/socket/scheduler.h \
	%D%/command/subscription.c %D%/command/subscription.h \
	%D%/decode/worker.c %D%/decode/worker.h

bin_PROGRAMS += %D%/shmimgd
%C%_shmimgd_SOURCES = %D%/main.c
%C%_shmimgd_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(BSD_CFLAGS)
%C%_shmimgd_LDADD = %D%/libdaemon.la
