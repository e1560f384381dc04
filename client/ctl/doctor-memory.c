/*
 * The checks of /dev/shm: free memory, size and huge pages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "client/ctl/doctor.h"
#include "client/ctl/text.h"

#define SHM_FOLDER   "/dev/shm"
#define ENLARGING    "mount -o remount,size=50% " SHM_FOLDER
#define SHMEM_POLICY "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* Smaller holds only a few photographs; containers get 64 MiB by default. */
#define SMALL (UINT64_C(256) << 20)
/* One picture of 1920x1080. */
#define FREE_MIN (UINT64_C(8) << 20)

/* Compares the memory that the daemon may still take with what is free or can be evicted. */
static void doctor_memory_examine_free(
	struct doctor *doctor, const shmimg_record *stats, uint64_t size)
{
	uint64_t max = doctor_number(stats, "memory-max");
	uint64_t bytes = doctor_number(stats, "bytes");
	uint64_t pinned = doctor_number(stats, "pinned-bytes");
	uint64_t available = doctor_number(stats, "free-bytes");
	struct diagnosis *diagnosis = &doctor->diagnosis;
	if (available + bytes - pinned < FREE_MIN)
		diagnosis_add(diagnosis, VERDICT_BAD, "memory", "ls -lS " SHM_FOLDER,
			SHM_FOLDER " is full: %s of %s is free; files of other programs stay there "
				   "until you remove them",
			text_bytes(available).data, text_bytes(size).data);
	else if (bytes < max && max - bytes > available)
		diagnosis_add(diagnosis, VERDICT_WARNING, "memory", ENLARGING,
			"images can take %s more, but " SHM_FOLDER " has only %s free",
			text_bytes(max - bytes).data, text_bytes(available).data);
	else if (pinned > max - max / 10)
		diagnosis_add(diagnosis, VERDICT_WARNING, "memory", "shmimgctl list",
			"%s of the %s for images is held by programs or pinned",
			text_bytes(pinned).data, text_bytes(max).data);
	else
		diagnosis_add(diagnosis, VERDICT_GOOD, "memory", NULL,
			"images take %s of %s, and " SHM_FOLDER " has %s free",
			text_bytes(bytes).data, text_bytes(max).data, text_bytes(available).data);
}

/* Whether the kernel forces huge pages on: the word in brackets is in force. */
static bool doctor_memory_is_forced(void)
{
	char line[256] = "";
	FILE *file = fopen(SHMEM_POLICY, "re");
	if (!file)
		return false;
	bool forced = fgets(line, sizeof(line), file) && strstr(line, "[force]");
	fclose(file);
	return forced;
}

/* Whether /dev/shm has huge pages, by its last mount or by the kernel's policy. */
static bool doctor_memory_is_huge(void)
{
	char *line = NULL;
	size_t size = 0;
	bool huge = false;
	FILE *file = fopen("/proc/self/mounts", "re");
	while (file && getline(&line, &size, file) > 0) {
		const char *mount = strstr(line, " " SHM_FOLDER " ");
		const char *option = strstr(line, "huge=");
		if (mount)
			huge = option && strncmp(option, "huge=never", 10) != 0 &&
			       strncmp(option, "huge=advise", 11) != 0;
	}
	free(line);
	if (file)
		fclose(file);
	return huge || doctor_memory_is_forced();
}

void doctor_examine_memory(struct doctor *doctor, const shmimg_record *stats)
{
	struct diagnosis *diagnosis = &doctor->diagnosis;
	struct statvfs shm;
	if (statvfs(SHM_FOLDER, &shm) < 0) {
		diagnosis_add(diagnosis, VERDICT_BAD, "memory", "mount -t tmpfs tmpfs " SHM_FOLDER,
			SHM_FOLDER ": %s", strerror(errno));
		return;
	}
	uint64_t size = (uint64_t)shm.f_blocks * shm.f_frsize;
	doctor_memory_examine_free(doctor, stats, size);
	if (size < SMALL)
		diagnosis_add(diagnosis, VERDICT_WARNING, "size", ENLARGING,
			SHM_FOLDER " is small: %s", text_bytes(size).data);
	if (doctor_memory_is_huge())
		diagnosis_add(diagnosis, VERDICT_GOOD, "hugepages", NULL,
			SHM_FOLDER " has huge pages for large images");
	else
		diagnosis_add(diagnosis, VERDICT_WARNING, "hugepages",
			"systemctl enable --now shmimgd-hugepages.service",
			SHM_FOLDER " has small pages only; with huge pages, large images are "
				   "mapped and read faster");
}
