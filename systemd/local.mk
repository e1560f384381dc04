# Units for systemd; the services name the folder that the daemon is installed in.

systemsystemdir = $(systemdsystemunitdir)
usersystemdir = $(systemduserunitdir)

system_services = %D%/system/shmimgd.service %D%/system/shmimgd-cleanup.service
user_services = %D%/user/shmimgd.service %D%/user/shmimgd-cleanup.service

EXTRA_DIST += \
	%D%/shmimgd.catalog %D%/sysusers.conf %D%/tmpfiles.conf \
	%D%/system/shmimgd-cleanup.service.in \
	%D%/system/shmimgd-hugepages.service \
	%D%/system/shmimgd.service.in %D%/system/shmimgd.socket \
	%D%/user/shmimgd-cleanup.service.in \
	%D%/user/shmimgd.service.in %D%/user/shmimgd.socket

catalogdir = $(prefix)/lib/systemd/catalog
if SYSTEM_UNITS
catalog_DATA = %D%/shmimgd.catalog
systemsystem_DATA = $(system_services) %D%/system/shmimgd.socket \
	%D%/system/shmimgd-hugepages.service
CLEANFILES += $(system_services)

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
usersystem_DATA = $(user_services) %D%/user/shmimgd.socket
CLEANFILES += $(user_services)
endif

$(system_services) $(user_services): %D%/local.mk
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
		sed 's|@bindir[@]|$(bindir)|g' $(srcdir)/$@.in >$@
%D%/system/shmimgd.service: %D%/system/shmimgd.service.in
%D%/system/shmimgd-cleanup.service: %D%/system/shmimgd-cleanup.service.in
%D%/user/shmimgd.service: %D%/user/shmimgd.service.in
%D%/user/shmimgd-cleanup.service: %D%/user/shmimgd-cleanup.service.in

# Debian packages, in the folder deb: "make deb". Built from what a release would have; they
# are not for Debian's archive, so no bug there waits for them.

debian_files = \
	%D%/debian/changelog \
	%D%/debian/control \
	%D%/debian/copyright \
	%D%/debian/libshmimg-dev.install \
	%D%/debian/libshmimg0.install \
	%D%/debian/python3-shmimg.install \
	%D%/debian/rules \
	%D%/debian/shmimg-viewer.install \
	%D%/debian/shmimgd.install \
	%D%/debian/shmimgd.lintian-overrides \
	%D%/debian/shmimgd.postinst \
	%D%/debian/shmimgd.postrm \
	%D%/debian/source/format
EXTRA_DIST += $(debian_files)

deb: distdir
	rm -rf deb && $(MKDIR_P) deb && mv $(distdir) deb/$(distdir)
	cp -R deb/$(distdir)/%D%/debian deb/$(distdir)/debian
	cd deb/$(distdir) && DEB_BUILD_OPTIONS="noautodbgsym $$DEB_BUILD_OPTIONS" \
		dpkg-buildpackage --build=binary --no-sign
	rm -rf deb/$(distdir)
	lintian --fail-on error,warning --allow-root \
		--suppress-tags initial-upload-closes-no-bugs deb/*.changes
clean-local-deb:
	rm -rf deb
clean-local: clean-local-deb
.PHONY: deb clean-local-deb
