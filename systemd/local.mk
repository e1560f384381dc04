# Units for systemd.
