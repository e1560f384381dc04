include_HEADERS += %D%/shmimg.h
