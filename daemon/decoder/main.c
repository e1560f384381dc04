/*
 * shmimg-decoder: confines itself, then does the jobs that the daemon sends over descriptor 3
 * (job.h), until the daemon closes the channel. It has no options and no configuration. If it
 * cannot confine itself, it prints the reason and exits.
 */
#include "config.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/decoder/codec/codec.h"
#include "daemon/decoder/pixel/stripe-writer.h"
#include "daemon/decoder/sandbox.h"
#include "daemon/decoder/seccomp.h"
#include "daemon/decoder/service.h"
#include "daemon/job/channel.h"

enum { END_DONE = 0, END_PROTOCOL = 1, END_UNCONFINED = 2, NICE = 5, SLICE_NSEC = 100000 };

/* Confines this process and reports it. Returns an exit status; END_DONE: continue. */
static int main_confine(void)
{
	const char *failed;
	codec_prepare();
	int own = sandbox_enter(&failed);
	int all = -1;
	if (own >= 0) {
		stripe_writer_prepare(seccomp_filter_install_writer);
		all = sandbox_seal(&failed);
	}
	if (own < 0 || all < 0) {
		dprintf(STDERR_FILENO, "shmimg-decoder: cannot %s: %s\n", failed,
			strerror(own < 0 ? -own : -all));
		return END_UNCONFINED;
	}
	union job_packet packet = {.ready = {JOB_READY, (uint32_t)(own | all)}};
	return channel_send(JOB_CHANNEL, &packet, -1) < 0 ? END_PROTOCOL : END_DONE;
}

/* The structure of sched_setattr(2), which the C library does not declare. */
struct scheduling {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime; /* nanoseconds; since Linux 6.12 the length of a time slice */
	uint64_t deadline;
	uint64_t period;
};

/*
 * Lowers the priority below that of the daemon and its clients, so that a FETCH does not wait for
 * a LOAD. Short time slices let them run sooner. If this is forbidden, for example by a service
 * manager, decoders compete like other processes.
 */
static void main_lower_priority(void)
{
	const struct scheduling wanted = {
		.size = sizeof(wanted),
		.policy = SCHED_BATCH,
		.nice = getpriority(PRIO_PROCESS, 0) + NICE,
		.runtime = SLICE_NSEC,
	};
	syscall(SYS_sched_setattr, 0, &wanted, 0);
}

int main(void)
{
	/* A long decode must not outlive the daemon. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	main_lower_priority();
	int status = main_confine();
	if (status != END_DONE)
		return status;
	return service_run(JOB_CHANNEL) < 0 ? END_PROTOCOL : END_DONE;
}
