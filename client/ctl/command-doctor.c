/*
 * shmimgctl doctor: checks everything between a client and its pixels, and prints what is wrong
 * and how to fix it. Does not start a daemon.
 */
#include <string.h>

#include "client/ctl/commands.h"
#include "client/ctl/doctor.h"
#include "client/ctl/exit.h"

enum { ANSWER_MS = 10000 };

static int doctor_examine_stats(const shmimg_record *stats, void *context)
{
	struct doctor *doctor = context;
	doctor_examine_sandbox(doctor, stats);
	doctor_examine_memory(doctor, stats);
	doctor_examine_limits(doctor, stats);
	return 0;
}

static void doctor_examine_daemon(struct doctor *doctor)
{
	shmimg_client *client;
	int limit = doctor->options->timeout_ms;
	int r = shmimg_connect(&client, doctor->socket, limit < 0 ? ANSWER_MS : limit);
	if (r == 0) {
		doctor_examine_image(doctor, client);
		r = shmimg_stats(client, doctor_examine_stats, doctor);
		shmimg_close(client);
	}
	if (r < 0)
		diagnosis_add(&doctor->diagnosis, VERDICT_BAD, "daemon", doctor_journal(doctor),
			"the daemon does not report its counters: %s", strerror(-r));
}

int command_doctor(const struct options *options)
{
	struct doctor doctor = {
		.options = options,
		.diagnosis.json = options->values[OPTION_JSON] != NULL,
	};
	if (!doctor_examine_socket(&doctor))
		return EXIT_NO_DAEMON;
	doctor_examine_board(&doctor);
	doctor_examine_daemon(&doctor);
	return doctor.diagnosis.faults ? EXIT_REFUSED : EXIT_DONE;
}
