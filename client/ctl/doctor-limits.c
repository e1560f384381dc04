/*
 * The checks of the sandbox, the user's limits and the daemon's descriptors.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "client/ctl/doctor.h"
#include "client/protocol/wire.h"

/* Descriptors for other things than connections: loads, decoders, the daemon's own. */
enum { DESCRIPTORS_OTHER = 256 };

uint64_t doctor_number(const shmimg_record *stats, const char *key)
{
	uint64_t number = 0;
	const char *value = shmimg_record_get(stats, key);
	if (value)
		wire_number(value, UINT64_MAX, &number);
	return number;
}

/* Whether a list of words, separated by commas, has this one. */
static bool doctor_limits_has_word(const char *list, const char *word)
{
	size_t length = strlen(word);
	while (list) {
		if (strncmp(list, word, length) == 0 && (!list[length] || list[length] == ','))
			return true;
		list = strchr(list, ',');
		list = list ? list + 1 : NULL;
	}
	return false;
}

void doctor_examine_sandbox(struct doctor *doctor, const shmimg_record *stats)
{
	struct diagnosis *diagnosis = &doctor->diagnosis;
	const char *sandbox = shmimg_record_get(stats, "sandbox");
	if (!sandbox || strcmp(sandbox, "unknown") == 0)
		diagnosis_add(diagnosis, VERDICT_WARNING, "sandbox", doctor_journal(doctor),
			"no decoder has run yet, so its sandbox is not known");
	else if (!doctor_limits_has_word(sandbox, "seccomp") ||
		 !doctor_limits_has_word(sandbox, "no-new-privs") ||
		 !doctor_limits_has_word(sandbox, "rlimits"))
		diagnosis_add(diagnosis, VERDICT_BAD, "sandbox",
			"./configure --with-seccomp && make && make install",
			"decoders are not confined (in force: %s); a malicious file could do "
			"everything that the daemon can do",
			sandbox);
	else if (!doctor_limits_has_word(sandbox, "landlock"))
		diagnosis_add(diagnosis, VERDICT_WARNING, "sandbox", "cat /sys/kernel/security/lsm",
			"decoders are confined by %s; this kernel lacks Landlock, a second barrier "
			"in front of files",
			sandbox);
	else
		diagnosis_add(diagnosis, VERDICT_GOOD, "sandbox", NULL,
			"decoders are confined by %s", sandbox);
}

/* The command that raises a limit; the system's daemon keeps its images. */
static void doctor_limits_raise_limit(
	const struct doctor *doctor, const char *option, uint64_t max, char *out, size_t size)
{
	static const char folder[] = SYSCONFDIR "/shmimgd/shmimgd.conf.d";
	if (doctor->system)
		snprintf(out, size,
			"mkdir -p %s && echo '%s = %" PRIu64 "' >%s/%s.conf && "
			"systemctl reload shmimgd",
			folder, option, max, folder, option);
	else
		snprintf(out, size, "shmimgd --%s %" PRIu64, option, max);
}

/* At these limits requests are refused. At those of images and bytes, old images are evicted. */
static void doctor_limits_examine_account(struct doctor *doctor, const shmimg_record *stats)
{
	static const char *const resources[] = {"user-connections", "user-loads", "user-pins"};
	unsigned near = 0;
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		char key[32], fix[2 * sizeof(SYSCONFDIR) + 192];
		snprintf(key, sizeof(key), "%s-max", resources[i]);
		uint64_t used = doctor_number(stats, resources[i]);
		uint64_t max = doctor_number(stats, key);
		if (max == 0 || used < max - max / 10)
			continue;
		near++;
		doctor_limits_raise_limit(doctor, resources[i], max * 2, fix, sizeof(fix));
		diagnosis_add(&doctor->diagnosis, VERDICT_WARNING, "limits", fix,
			"you use %llu of %s=%llu; the daemon refuses requests above this limit",
			(unsigned long long)used, resources[i], (unsigned long long)max);
	}
	if (!near)
		diagnosis_add(&doctor->diagnosis, VERDICT_GOOD, "limits", NULL,
			"your account is not near its limits");
}

void doctor_examine_limits(struct doctor *doctor, const shmimg_record *stats)
{
	uint64_t max = doctor_number(stats, "descriptors-max");
	uint64_t connections = doctor_number(stats, "connections");
	uint64_t wanted = doctor_number(stats, "user-connections-max") + DESCRIPTORS_OTHER;
	const char *fix = doctor->system ? "systemctl edit shmimgd  # [Service] LimitNOFILE=65536"
					 : "ulimit -Hn 65536 && shmimgd";
	doctor_limits_examine_account(doctor, stats);
	if (max > 0 && (max < wanted || connections + DESCRIPTORS_OTHER > max))
		diagnosis_add(&doctor->diagnosis, VERDICT_BAD, "descriptors", fix,
			"the daemon can open %llu descriptors, but needs %llu; clients will have "
			"to wait for each other",
			(unsigned long long)max, (unsigned long long)wanted + connections);
	else
		diagnosis_add(&doctor->diagnosis, VERDICT_GOOD, "descriptors", NULL,
			"the daemon can open %llu descriptors", (unsigned long long)max);
}
