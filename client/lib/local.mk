pkgconfig_DATA += %D%/shmimg.pc
