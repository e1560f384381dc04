/*
 * What a second process pays to look at an image: through the library, against what the
 * kernel alone would cost.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/look.h"
#include "tests/bench/touch.h"

enum { ROUNDS = 60, BLOCKS = 200, BLOCK = 10000 };

/* Any call but the one that ends it kills this process. */
static void forbid_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		err(1, "seccomp");
}

/* Whether fetching again makes a system call: 0 or 1. */
static long makes_calls(shmimg_client *client)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		forbid_calls();
		for (int i = 0; i < 1000; i++)
			shmimg_unref(look_fetch(client));
		_exit(0);
	}
	return waitpid(pid, &status, 0) < 0 || status != 0;
}

/* Nanoseconds of a fetch of what is kept, against a call that does nothing. */
void row_kept(const struct setting *setting, struct result *result)
{
	shmimg_client *client = look_connect(setting);
	shmimg_unref(look_load(client, setting));
	for (int i = 0; i < times(setting, BLOCKS); i++) {
		uint64_t began = clock_now();
		for (int j = 0; j < BLOCK; j++)
			shmimg_unref(look_fetch(client));
		sample_add(&result->ours, look_took(began) * 1e3 / BLOCK);
		began = clock_now();
		for (int j = 0; j < BLOCK; j++)
			syscall(SYS_getppid);
		sample_add(&result->base, look_took(began) * 1e3 / BLOCK);
	}
	result->extra = makes_calls(client);
	result->ratio = sample_quantile(&result->ours, 0.5);
	look_end(client);
}

static double map_and_touch(const char *name, size_t size, size_t offset, size_t bytes)
{
	uint64_t began = clock_now();
	int fd = shm_open(name, O_RDONLY | O_CLOEXEC, 0);
	char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (fd < 0 || map == MAP_FAILED)
		err(1, "%s", name);
	close(fd);
	touch(map + offset, bytes);
	munmap(map, size);
	return look_took(began);
}

/* Microseconds of a fetch that maps, a look at all pixels, and letting go. */
void row_first_touch(const struct setting *setting, struct result *result)
{
	shmimg_client *client = look_connect(setting);
	shmimg_set_kept(client, 0);
	shmimg_image *image = look_load(client, setting);
	size_t bytes = look_bytes(image);
	size_t offset = shmimg_segment_size(image) - bytes;
	for (int i = 0; i < times(setting, ROUNDS); i++) {
		sample_add(&result->ours, look_once(client));
		sample_add(&result->base,
			map_and_touch(shmimg_segment(image), shmimg_segment_size(image),
				offset / 4096 * 4096, bytes));
	}
	shmimg_unref(image);
	look_end(client);
}

/* Microseconds of a fetch of what is kept and a look at all pixels. */
void row_kept_touch(const struct setting *setting, struct result *result)
{
	shmimg_client *client = look_connect(setting);
	shmimg_image *image = look_load(client, setting);
	size_t bytes = look_bytes(image);
	shmimg_unref(image);
	char *own = malloc(bytes);
	if (!own)
		err(1, "memory");
	memset(own, 1, bytes);
	look_once(client); /* takes the faults */
	for (int i = 0; i < times(setting, ROUNDS); i++) {
		sample_add(&result->ours, look_once(client));
		uint64_t began = clock_now();
		touch(own, bytes);
		sample_add(&result->base, look_took(began));
	}
	free(own);
	look_end(client);
}
