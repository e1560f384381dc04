# Unit tests of the daemon's modules.

if HAVE_CMOCKA
check_LTLIBRARIES += %D%/libdaemontest.la
%C%_libdaemontest_la_SOURCES = \
	%D%/config-folder.c %D%/config-folder.h %D%/sets.h %D%/sized-file.h %D%/unit.h \
	%D%/world.c %D%/world.h
%C%_libdaemontest_la_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SYSTEMD_CFLAGS) $(BSD_CFLAGS)
%C%_libdaemontest_la_LIBADD = daemon/libdaemon.la $(CMOCKA_LIBS)

daemon_tests = \
	%D%/test-account \
	%D%/test-adopt \
	%D%/test-channel \
	%D%/test-close-queue \
	%D%/test-config-file \
	%D%/test-configuration \
	%D%/test-deferred-free \
	%D%/test-derivation \
	%D%/test-dialogue \
	%D%/test-dispatch \
	%D%/test-distrust \
	%D%/test-eviction \
	%D%/test-fault \
	%D%/test-loader \
	%D%/test-loads \
	%D%/test-fd-budget \
	%D%/test-follow \
	%D%/test-follow-fault \
	%D%/test-glob \
	%D%/test-inbox \
	%D%/test-index \
	%D%/test-instance \
	%D%/test-limits \
	%D%/test-log \
	%D%/test-mount \
	%D%/test-outbox \
	%D%/test-path-watch \
	%D%/test-pool \
	%D%/test-random \
	%D%/test-segment \
	%D%/test-rendition \
	%D%/test-retire \
	%D%/test-semaphore \
	%D%/test-session \
	%D%/test-source \
	%D%/test-spare \
	%D%/test-store \
	%D%/test-turn-times \
	%D%/test-subscription \
	%D%/test-scheduler \
	%D%/test-visibility
check_PROGRAMS += $(daemon_tests)
TESTS += $(daemon_tests)

check_PROGRAMS += %D%/fake-decoder
%C%_fake_decoder_LDADD = client/protocol/libprotocol.la
fake_decoder = -DFAKE_DECODER='"$(abs_top_builddir)/tests/unit/fake-decoder"'

%C%_test_account_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_account_LDADD = %D%/libdaemontest.la
%C%_test_retire_LDADD = %D%/libdaemontest.la
%C%_test_adopt_LDADD = %D%/libdaemontest.la
%C%_test_channel_LDADD = %D%/libdaemontest.la
%C%_test_derivation_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_derivation_LDADD = %D%/libdaemontest.la
%C%_test_dialogue_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_dialogue_LDADD = %D%/libdaemontest.la
%C%_test_dispatch_LDADD = %D%/libdaemontest.la
%C%_test_distrust_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_distrust_LDADD = %D%/libdaemontest.la
fault_wraps = \
	-Wl,--wrap=acl_create_entry \
	-Wl,--wrap=acl_init \
	-Wl,--wrap=acl_set_fd \
	-Wl,--wrap=acl_set_qualifier \
	-Wl,--wrap=calloc \
	-Wl,--wrap=eventfd \
	-Wl,--wrap=fallocate64 \
	-Wl,--wrap=fchmod \
	-Wl,--wrap=fcntl64 \
	-Wl,--wrap=fstat64 \
	-Wl,--wrap=ftruncate64 \
	-Wl,--wrap=getrandom \
	-Wl,--wrap=inotify_add_watch \
	-Wl,--wrap=inotify_init1 \
	-Wl,--wrap=linkat \
	-Wl,--wrap=mmap64 \
	-Wl,--wrap=open64 \
	-Wl,--wrap=openat64 \
	-Wl,--wrap=posix_spawn \
	-Wl,--wrap=posix_spawn_file_actions_init \
	-Wl,--wrap=posix_spawnattr_init \
	-Wl,--wrap=pthread_attr_init \
	-Wl,--wrap=pthread_create \
	-Wl,--wrap=pwrite64 \
	-Wl,--wrap=readlinkat \
	-Wl,--wrap=reallocarray \
	-Wl,--wrap=sd_event_add_child \
	-Wl,--wrap=sd_event_add_defer \
	-Wl,--wrap=sd_event_add_inotify_fd \
	-Wl,--wrap=sd_event_add_io \
	-Wl,--wrap=sd_event_add_time_relative \
	-Wl,--wrap=semctl \
	-Wl,--wrap=semget \
	-Wl,--wrap=send \
	-Wl,--wrap=sendmsg \
	-Wl,--wrap=shm_open \
	-Wl,--wrap=socketpair \
	-Wl,--wrap=statx
%C%_test_deferred_free_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=spawn_start
%C%_test_deferred_free_LDADD = %D%/libdaemontest.la
%C%_test_close_queue_SOURCES = %D%/fault.c %D%/fault.h %D%/fault-wrap.h %D%/test-close-queue.c
%C%_test_close_queue_LDFLAGS = $(AM_LDFLAGS) $(fault_wraps) -Wl,--wrap=close
%C%_test_close_queue_LDADD = %D%/libdaemontest.la
%C%_test_config_file_LDADD = %D%/libdaemontest.la
%C%_test_configuration_SOURCES = %D%/fault.c %D%/fault.h %D%/test-configuration.c
%C%_test_configuration_LDFLAGS = $(AM_LDFLAGS) $(fault_wraps)
%C%_test_configuration_LDADD = %D%/libdaemontest.la
%C%_test_fault_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_fault_SOURCES = %D%/fault.c %D%/fault.h %D%/fault-wrap.h %D%/test-fault.c
%C%_test_fault_LDFLAGS = $(AM_LDFLAGS) $(fault_wraps)
%C%_test_fault_LDADD = %D%/libdaemontest.la
%C%_test_loader_LDADD = %D%/libdaemontest.la
%C%_test_loads_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_loads_LDADD = %D%/libdaemontest.la
%C%_test_fd_budget_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=stat64
%C%_test_fd_budget_LDADD = %D%/libdaemontest.la
%C%_test_follow_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_follow_LDADD = %D%/libdaemontest.la
%C%_test_follow_fault_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_follow_fault_SOURCES = %D%/fault.c %D%/fault.h %D%/fault-wrap.h \
	%D%/test-follow-fault.c
%C%_test_follow_fault_LDFLAGS = $(AM_LDFLAGS) $(fault_wraps)
%C%_test_follow_fault_LDADD = %D%/libdaemontest.la
%C%_test_eviction_LDADD = %D%/libdaemontest.la
%C%_test_glob_LDADD = %D%/libdaemontest.la
%C%_test_mount_LDADD = %D%/libdaemontest.la
%C%_test_inbox_LDADD = %D%/libdaemontest.la
%C%_test_index_LDADD = %D%/libdaemontest.la
%C%_test_instance_LDADD = %D%/libdaemontest.la
%C%_test_random_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getrandom
%C%_test_random_LDADD = %D%/libdaemontest.la
%C%_test_rendition_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_rendition_LDADD = %D%/libdaemontest.la
%C%_test_limits_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_limits_LDADD = %D%/libdaemontest.la
%C%_test_log_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sendto \
	-Wl,--wrap=pwritev64v2
%C%_test_log_LDADD = %D%/libdaemontest.la
%C%_test_outbox_LDADD = %D%/libdaemontest.la
%C%_test_path_watch_LDADD = %D%/libdaemontest.la
%C%_test_pool_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_pool_LDADD = %D%/libdaemontest.la
%C%_test_segment_LDADD = %D%/libdaemontest.la
%C%_test_semaphore_LDADD = %D%/libdaemontest.la
%C%_test_session_LDADD = %D%/libdaemontest.la
%C%_test_source_LDADD = %D%/libdaemontest.la
%C%_test_spare_CPPFLAGS = $(AM_CPPFLAGS) $(fake_decoder)
%C%_test_spare_LDADD = %D%/libdaemontest.la
%C%_test_store_LDADD = %D%/libdaemontest.la
%C%_test_scheduler_LDADD = %D%/libdaemontest.la
%C%_test_turn_times_LDADD = %D%/libdaemontest.la
%C%_test_subscription_LDADD = %D%/libdaemontest.la
%C%_test_visibility_LDADD = %D%/libdaemontest.la
endif
