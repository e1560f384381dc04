/*
 * shmimg-decoder: confines itself, and serves the jobs of job.h on descriptor 3 until the
 * daemon closes it. Has no options, no configuration and no other input, and prints nothing
 * but why it could not be confined: it serves nobody then.
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
#include "daemon/decoder/service.h"
#include "daemon/job/channel.h"

enum { END_DONE = 0, END_PROTOCOL = 1, END_UNCONFINED = 2, NICE = 5, SLICE_NSEC = 100000 };

/* Confines this process and says so. Returns an exit status, END_DONE to go on. */
static int main_confine(void)
{
	const char *failed;
	codec_prepare();
	int own = sandbox_enter(&failed);
	int all = -1;
	if (own >= 0) {
		stripe_writer_prepare();
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

/* As sched_setattr(2) has it, which the C library has not. */
struct scheduling {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime; /* nanoseconds; since Linux 6.12 the slice that it gets at a time */
	uint64_t deadline;
	uint64_t period;
};

/*
 * The daemon and its clients go first: a FETCH never waits for a LOAD. They need not wait for
 * the end of a long slice either. Where this may not be said (a service manager may forbid
 * it), decoders compete like other processes.
 */
static void main_step_back(void)
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
	/* A decode that takes long does not outlive the daemon that wanted it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	main_step_back();
	int status = main_confine();
	if (status != END_DONE)
		return status;
	return service_run(JOB_CHANNEL) < 0 ? END_PROTOCOL : END_DONE;
}
