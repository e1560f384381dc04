# Units for systemd; the services name the folder that the daemon is installed in.

systemsystemdir = $(systemdsystemunitdir)
usersystemdir = $(systemduserunitdir)

EXTRA_DIST += \
	%D%/sysusers.conf %D%/tmpfiles.conf \
	%D%/system/shmimgd.service.in %D%/system/shmimgd.socket \
	%D%/user/shmimgd.service.in %D%/user/shmimgd.socket

if SYSTEM_UNITS
systemsystem_DATA = %D%/system/shmimgd.service %D%/system/shmimgd.socket
CLEANFILES += %D%/system/shmimgd.service

# Folders of one file each, both called shmimgd.conf.
install-data-hook:
	$(MKDIR_P) $(DESTDIR)$(prefix)/lib/sysusers.d $(DESTDIR)$(prefix)/lib/tmpfiles.d
	$(INSTALL_DATA) $(srcdir)/%D%/sysusers.conf \
		$(DESTDIR)$(prefix)/lib/sysusers.d/shmimgd.conf
	$(INSTALL_DATA) $(srcdir)/%D%/tmpfiles.conf \
		$(DESTDIR)$(prefix)/lib/tmpfiles.d/shmimgd.conf

uninstall-hook:
	rm -f $(DESTDIR)$(prefix)/lib/sysusers.d/shmimgd.conf \
		$(DESTDIR)$(prefix)/lib/tmpfiles.d/shmimgd.conf
endif
if USER_UNITS
usersystem_DATA = %D%/user/shmimgd.service %D%/user/shmimgd.socket
CLEANFILES += %D%/user/shmimgd.service
endif

%D%/system/shmimgd.service: %D%/system/shmimgd.service.in
	$(AM_V_GEN)$(MKDIR_P) %D%/system && \
		sed 's|@bindir[@]|$(bindir)|g' $(srcdir)/%D%/system/shmimgd.service.in >$@
%D%/user/shmimgd.service: %D%/user/shmimgd.service.in
	$(AM_V_GEN)$(MKDIR_P) %D%/user && \
		sed 's|@bindir[@]|$(bindir)|g' $(srcdir)/%D%/user/shmimgd.service.in >$@
