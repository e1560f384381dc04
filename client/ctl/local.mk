# shmimgctl.
