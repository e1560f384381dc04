# Tests. Programs of make check are in the fragments; tests/run-all runs all the rest.

EXTRA_DIST += \
	%D%/abi/libshmimg.abi \
	%D%/README %D%/analyze %D%/demo %D%/hostile %D%/mixed %D%/run-all %D%/screenshot %D%/setup \
	%D%/soak %D%/tally.py %D%/tsan.supp \
	%D%/integration/client.py \
	%D%/integration/conftest.py \
	%D%/integration/dragging.py \
	%D%/integration/faults.py \
	%D%/integration/following.py \
	%D%/integration/library.py \
	%D%/integration/lingering.py \
	%D%/integration/fuse.py \
	%D%/integration/lying_daemon.py \
	%D%/integration/pictures.py \
	%D%/integration/planting.py \
	%D%/integration/pytest.ini \
	%D%/integration/screen.py \
	%D%/integration/segment.py \
	%D%/integration/semaphore.py \
	%D%/integration/server.py \
	%D%/integration/squatter.py \
	%D%/integration/terminal.py \
	%D%/integration/test_accounts.py \
	%D%/integration/test_activation.py \
	%D%/integration/test_bench.py \
	%D%/integration/test_config.py \
	%D%/integration/test_damaged.py \
	%D%/integration/test_decoder.py \
	%D%/integration/test_exhaustion.py \
	%D%/integration/test_faults.py \
	%D%/integration/test_faults_decoder.py \
	%D%/integration/test_faults_start.py \
	%D%/integration/test_examples.py \
	%D%/integration/test_follow.py \
	%D%/integration/test_follow_clients.py \
	%D%/integration/test_follow_end.py \
	%D%/integration/test_follow_way.py \
	%D%/integration/test_forbidden.py \
	%D%/integration/test_doctor.py \
	%D%/integration/test_formats.py \
	%D%/integration/test_freed.py \
	%D%/integration/test_fuse.py \
	%D%/integration/test_hostile.py \
	%D%/integration/test_images.py \
	%D%/integration/test_library.py \
	%D%/integration/test_linger.py \
	%D%/integration/test_load.py \
	%D%/integration/test_log.py \
	%D%/integration/test_manual.py \
	%D%/integration/test_mapping_cache.py \
	%D%/integration/test_notify.py \
	%D%/integration/test_planted.py \
	%D%/integration/test_pressure.py \
	%D%/integration/test_privacy.py \
	%D%/integration/test_process.py \
	%D%/integration/test_published.py \
	%D%/integration/test_reconnect.py \
	%D%/integration/test_python.py \
	%D%/integration/test_python_client.py \
	%D%/integration/test_python_lock.py \
	%D%/integration/test_python_package.py \
	%D%/integration/test_python_processes.py \
	%D%/integration/test_python_threads.py \
	%D%/integration/test_python_trust.py \
	%D%/integration/test_rendition_clients.py \
	%D%/integration/test_renditions.py \
	%D%/integration/test_requests.py \
	%D%/integration/test_restart.py \
	%D%/integration/test_sandbox.py \
	%D%/integration/test_semaphore.py \
	%D%/integration/test_show.py \
	%D%/integration/test_small_shm.py \
	%D%/integration/test_spare.py \
	%D%/integration/test_top.py \
	%D%/integration/test_turns.py \
	%D%/integration/test_trust.py \
	%D%/integration/test_unread.py \
	%D%/integration/test_users.py \
	%D%/integration/test_viewer.py \
	%D%/integration/test_viewer_drop.py \
	%D%/integration/test_viewer_list.py \
	%D%/integration/test_viewer_names.py \
	%D%/integration/test_viewer_pixels.py \
	%D%/integration/test_viewer_zoom.py \
	%D%/integration/test_watch.py \
	%D%/integration/test_wire.py \
	%D%/integration/users.py \
	%D%/integration/viewer.py \
	%D%/style/pytest.ini \
	%D%/style/sources.py \
	%D%/style/test_abi.py \
	%D%/style/test_layering.py \
	%D%/style/test_manuals.py \
	%D%/style/test_names.py \
	%D%/style/test_promises.py \
	%D%/style/test_style.py \
	%D%/systemd/boot \
	%D%/systemd/conftest.py \
	%D%/systemd/holder.py \
	%D%/systemd/machine.py \
	%D%/systemd/pytest.ini \
	%D%/systemd/test_journal.py \
	%D%/systemd/test_packages.py \
	%D%/systemd/test_reload.py \
	%D%/systemd/test_service.py \
	%D%/systemd/test_units.py \
	%D%/systemd/test_user.py

# Put before the C library of a daemon under test: as plain as can be, without a sanitizer.
check_LTLIBRARIES += %D%/integration/fault-preload.la
%C%_integration_fault_preload_la_SOURCES = %D%/integration/fault-preload.c
%C%_integration_fault_preload_la_CFLAGS = $(WARN_CFLAGS)
%C%_integration_fault_preload_la_LDFLAGS = -module -shared -avoid-version -rpath /nowhere

include tests/bench/local.mk
include tests/fuzz/local.mk
include tests/unit/codec.mk
include tests/unit/ctl.mk
include tests/unit/daemon.mk
include tests/unit/lib.mk
