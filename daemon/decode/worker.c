/*
 * A decoder reads hostile files, and a file may take its decoder over. So each state allows certain
 * packets and has a deadline. Any other packet kills the decoder.
 *
 *   IDLE     There is no job. At the deadline the decoder is not needed any more.
 *   HEADER   JOB_DECODE was sent. JOB_HEADER and JOB_ERROR are allowed.
 *   PIXELS   JOB_SEGMENT was sent. JOB_DONE and JOB_ERROR are allowed.
 *   ENDING   SIGKILL was sent. At the deadline the decoder is stuck.
 *
 * So a job has as many packets as the states allow, and each event of the loop receives one: the
 * first packet of a flood that is not due ends it.
 *
 * JOB_READY is allowed once, before all other packets, and JOB_NO_SPARE while there is a spare.
 *
 * JOB_DONE and JOB_ERROR in the state PIXELS, and JOB_NO_SPARE, also say that the decoder has
 * closed and unmapped the segment. The worker proves it (segment.c), so that the segment cannot
 * change after it was published, or take memory that nobody accounts for. A decoder that has kept
 * the segment is killed.
 *
 * The daemon limits the size of files that the decoder can write (RLIMIT_FSIZE) to that of the
 * segment that it sends, so the decoder cannot take more memory than is reserved.
 *
 * After a timeout or an invalid packet the job fails at once, because the kernel may need long to
 * end the process. When a process dies by itself, worker_on_death() fails its job, unless it had
 * served before and has not received this job: then another decoder gets the job.
 */
#include "config.h"

#include "daemon/decode/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/job/channel.h"
#include "daemon/job/spawn.h"
#include "daemon/log/log.h"
#include "daemon/segment/segment.h"

#define SECOND_USEC    UINT64_C(1000000)
#define DEADLINE_MAX   (UINT64_C(7 * 86400) * SECOND_USEC)
#define END_GRACE_USEC (5 * SECOND_USEC)

/* A sanitizer writes its report to the log, which may be a larger file than the segment. */
#ifdef SANITIZERS
#define REPORT_MAX (UINT64_C(64) << 20)
#else
#define REPORT_MAX UINT64_C(0)
#endif

/* Why a decoder was killed. */
static const char worker_text_invalid[] = "the decoder sent an invalid packet and was killed; "
					  "if shmimgd was upgraded, restart it";
static const char worker_text_kept[] = "the decoder kept access to its segment and was killed; "
				       "if shmimgd was upgraded, restart it";

static void worker_free(struct worker *worker)
{
	sd_event_source_disable_unref(worker->answers);
	sd_event_source_disable_unref(worker->deadline);
	sd_event_source_disable_unref(worker->child);
	if (worker->channel >= 0)
		close(worker->channel);
	spare_forget(&worker->spare);
	free(worker);
}

/* Ends the job, if it was not cancelled. Its owner may start another one from within. */
static void worker_end_job(struct worker *worker, enum fault fault, const char *message)
{
	struct job *job = worker->job;
	worker->job = NULL;
	if (!job)
		return;
	job->worker = NULL;
	job->events->end(job, fault, message);
}

static void worker_set_deadline(struct worker *worker, uint64_t usec)
{
	sd_event_source_set_time_relative(worker->deadline, usec);
	sd_event_source_set_enabled(worker->deadline, SD_EVENT_ONESHOT);
}

/* Sets a soft limit of the decoder, which can change none of its limits. */
static int worker_limit(const struct worker *worker, __rlimit_resource_t resource, rlim_t max)
{
	struct rlimit limit;
	if (prlimit(worker->pid, resource, NULL, &limit) < 0)
		return -errno;
	limit.rlim_cur = max < limit.rlim_max ? max : limit.rlim_max;
	return prlimit(worker->pid, resource, &limit, NULL) < 0 ? -errno : 0;
}

/*
 * Limits the processor time of the current job, for a daemon that is stopped (SIGSTOP) and does not
 * notice the deadline. A decoder has two threads. Time used for earlier jobs does not count.
 */
static void worker_limit_processor(const struct worker *worker, uint64_t usec)
{
	clockid_t clock;
	struct timespec used;
	if (clock_getcpuclockid(worker->pid, &clock) == 0 && clock_gettime(clock, &used) == 0)
		worker_limit(
			worker, RLIMIT_CPU, (rlim_t)used.tv_sec + 2 * (usec / SECOND_USEC) + 1);
}

/*
 * Opens a segment for the decoder, which can make no file larger than this one. So it cannot take
 * memory that is not reserved. Returns a descriptor or a negative errno.
 */
static int worker_open_writer(const struct worker *worker, int segment, uint64_t size)
{
	int r = worker_limit(worker, RLIMIT_FSIZE, size + REPORT_MAX);
	return r < 0 ? r : segment_open_writer(segment);
}

static void worker_set_time_limit(struct worker *worker, uint64_t usec)
{
	worker->time_limit = usec;
	worker_set_deadline(worker, usec);
	worker_limit_processor(worker, usec);
}

static void worker_become_idle(struct worker *worker)
{
	worker->state = WORKER_IDLE;
	worker_set_deadline(worker, worker->setup->options->decoder_idle * SECOND_USEC);
}

void worker_kill(struct worker *worker)
{
	worker->state = WORKER_ENDING;
	sd_event_source_set_enabled(worker->answers, SD_EVENT_OFF);
	worker_set_deadline(worker, END_GRACE_USEC);
	spare_close(&worker->spare);
	kill(worker->pid, SIGKILL);
}

/* The time limit for an image, which grows with its pixels. */
static uint64_t worker_time_for(const struct options *options, uint64_t pixels)
{
	uint64_t usec = options->decode_timeout * SECOND_USEC, more;
	/* Milliseconds for a million pixels are nanoseconds for one. */
	if (__builtin_mul_overflow(pixels, options->decode_timeout_megapixel, &more) ||
		more / 1000 > DEADLINE_MAX - usec)
		return DEADLINE_MAX;
	return usec + more / 1000;
}

static void worker_describe_death(const siginfo_t *info, char *text, size_t size)
{
	if (info->si_code == CLD_EXITED)
		snprintf(text, size, "the decoder exited with status %d", info->si_status);
	else
		snprintf(text, size, "the decoder was ended by signal %d (SIG%s)", info->si_status,
			sigabbrev_np(info->si_status));
}

static void worker_log_lost(const struct worker *worker, const char *text)
{
	struct log_client client = {worker->uid, 0};
	log_write(&(struct log_entry){LOG_ENTRY(WARNING, DECODER_LOST), .client = &client},
		"decoder %d: %s", worker->pid, text);
}

/* Logs that a decoder is lost, and ends its job. */
static void worker_fail(struct worker *worker, const char *text)
{
	worker_log_lost(worker, text);
	worker->setup->events->failed(worker);
	worker_end_job(worker, FAULT_DECODER_FAILED, text);
}

static int worker_on_death(sd_event_source *source, const siginfo_t *info, void *context)
{
	struct worker *worker = context;
	(void)source;
	char text[128];
	worker_describe_death(info, text, sizeof(text));
	if (worker->state != WORKER_ENDING || worker->job)
		worker_fail(worker, text);
	worker->setup->events->ended(worker);
	worker_free(worker);
	return 0;
}

/*
 * A process that was killed and does not end waits in the kernel, for example for a file server.
 * Another decoder may take its place.
 */
static void worker_report_stuck(struct worker *worker)
{
	log_warning("decoder %d hangs in the kernel while reading a file of user %u; "
		    "check the file server of this file",
		worker->pid, worker->uid);
	worker->stuck = true;
	worker->setup->events->stuck(worker);
}

static void worker_time_out(struct worker *worker)
{
	char text[128];
	snprintf(text, sizeof(text),
		"decoding took longer than %" PRIu64
		" seconds; allow more with the option --decode-timeout of shmimgd",
		worker->time_limit / SECOND_USEC);
	worker_kill(worker);
	worker_fail(worker, text);
}

static int worker_on_deadline(sd_event_source *source, uint64_t usec, void *context)
{
	struct worker *worker = context;
	(void)source;
	(void)usec;
	if (worker->state == WORKER_ENDING)
		worker_report_stuck(worker);
	else if (worker->state == WORKER_IDLE)
		worker_kill(worker);
	else
		worker_time_out(worker);
	return 0;
}

/* Reports the reason now: the end of the process reports only the signal. */
static void worker_kill_misbehaving(struct worker *worker, const char *text)
{
	worker_kill(worker);
	if (worker->job)
		worker_fail(worker, text);
	else
		worker_log_lost(worker, text);
}

/* The job cannot go on: tells the decoder, which is idle then. */
static void worker_refuse(struct worker *worker)
{
	const union job_packet refusal = {.signal = {JOB_REFUSE}};
	worker_become_idle(worker);
	if (channel_send(worker->channel, &refusal, -1) < 0)
		worker_kill(worker);
}

/* Sends the segment of the job, by a descriptor that was opened for the decoder. */
static void worker_send_segment(
	struct worker *worker, const union job_packet *answer, uint64_t pixels)
{
	OWN_FD int writer = worker_open_writer(worker, worker->segment, answer->segment.size);
	if (writer < 0) {
		worker_refuse(worker);
		worker_end_job(worker, FAULT_BUSY, strerror(-writer));
		return;
	}
	worker->state = WORKER_PIXELS;
	worker_set_time_limit(worker, worker_time_for(worker->setup->options, pixels));
	if (channel_send(worker->channel, answer, writer) < 0)
		worker_kill(worker);
}

static void worker_on_header(struct worker *worker, const struct job_header *header)
{
	union job_packet answer = {.segment = {.kind = JOB_SEGMENT}};
	int segment = -1;
	if (worker->job) {
		struct job *job = worker->job;
		job->worker = NULL;
		worker->job = NULL;
		segment = job->events->header(job, header, &worker->spare, &answer.segment);
		if (segment >= 0) {
			job->worker = worker;
			worker->job = job;
		}
	}
	worker->segment = segment;
	if (segment < 0)
		worker_refuse(worker);
	else
		worker_send_segment(
			worker, &answer, (uint64_t)header->full_width * header->full_height);
}

static const char *worker_explain_unproven(int error)
{
	return error == -EOPNOTSUPP ? "the kernel grants no leases, which shmimgd needs; set "
				      "fs.leases-enable of sysctl to 1"
				    : strerror(-error);
}

/* Ends the job, if the decoder has let go of its segment. */
static void worker_finish_job(struct worker *worker, enum fault fault, const char *message)
{
	int r = worker->segment < 0 ? 1 : segment_is_unshared(worker->segment);
	if (r == 0) {
		worker_kill_misbehaving(worker, worker_text_kept);
		return;
	}
	worker_become_idle(worker);
	if (r < 0)
		worker_end_job(worker, r == -ENOMEM ? FAULT_BUSY : FAULT_INTERNAL,
			worker_explain_unproven(r));
	else
		worker_end_job(worker, fault, message);
}

static void worker_on_error(struct worker *worker, struct job_error *error)
{
	error->message[JOB_MESSAGE_SIZE - 1] = '\0';
	for (char *c = error->message; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?'; /* for a terminal, or no UTF-8 */
	}
	worker_finish_job(worker, (enum fault)error->fault, error->message);
}

static void worker_on_no_spare(struct worker *worker)
{
	if (segment_is_unshared(worker->spare.fd) == 0)
		worker_kill_misbehaving(worker, worker_text_kept);
	else
		spare_forget(&worker->spare);
}

static bool worker_is_fault_valid(uint32_t fault)
{
	return fault == FAULT_NOT_AN_IMAGE || fault == FAULT_DECODER_FAILED ||
	       fault == FAULT_TOO_LARGE || fault == FAULT_NO_SPACE;
}

static bool worker_on_ready(struct worker *worker, const union job_packet *packet)
{
	if (packet->kind != JOB_READY)
		return false;
	worker->ready = true;
	worker->setup->events->confined(worker, packet->ready.sandbox);
	return true;
}

/* The decoder has not received its job. If it has served before, it did not end because of it. */
static void worker_return_job(struct worker *worker)
{
	struct job *job = worker->job;
	worker_kill(worker);
	if (worker->jobs > 1) {
		worker->job = NULL;
		worker->setup->events->returned(worker, job);
	}
}

/* The process has ended. The kernel reports -ECONNRESET if it has not received the last packet. */
static void worker_on_end(struct worker *worker, int error)
{
	if (error == -ECONNRESET && worker->state == WORKER_HEADER && worker->job)
		worker_return_job(worker);
	else
		worker_kill(worker);
}

/* Acts on a packet that is allowed now. Returns false for any other. */
static bool worker_on_packet(struct worker *worker, union job_packet *packet)
{
	if (!worker->ready)
		return worker_on_ready(worker, packet);
	bool working = worker->state == WORKER_HEADER || worker->state == WORKER_PIXELS;
	if (packet->kind == JOB_HEADER && worker->state == WORKER_HEADER) {
		worker_on_header(worker, &packet->header);
		return true;
	}
	if (packet->kind == JOB_DONE && worker->state == WORKER_PIXELS) {
		worker_finish_job(worker, FAULT_NONE, NULL);
		return true;
	}
	if (packet->kind == JOB_ERROR && working && worker_is_fault_valid(packet->error.fault)) {
		worker_on_error(worker, &packet->error);
		return true;
	}
	if (packet->kind == JOB_NO_SPARE && worker->spare.fd >= 0) {
		worker_on_no_spare(worker);
		return true;
	}
	return false;
}

static int worker_on_answer(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct worker *worker = context;
	union job_packet packet;
	(void)source;
	(void)events;
	int r = channel_receive_from_decoder(fd, &packet);
	if (r == -EAGAIN)
		return 0;
	if (r == 0 || r == -ECONNRESET)
		worker_on_end(worker, r);
	else if (r < 0 || !worker_on_packet(worker, &packet))
		worker_kill_misbehaving(worker, worker_text_invalid);
	worker->setup->events->changed(worker);
	return 0;
}

static int worker_watch(struct worker *worker)
{
	sd_event *event = worker->setup->event;
	int r = sd_event_add_io(
		event, &worker->answers, worker->channel, EPOLLIN, worker_on_answer, worker);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &worker->deadline, CLOCK_MONOTONIC,
			UINT64_MAX / 2, 0, worker_on_deadline, worker);
	if (r >= 0)
		r = sd_event_source_set_enabled(worker->deadline, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_child(
			event, &worker->child, worker->pid, WEXITED, worker_on_death, worker);
	return r;
}

int worker_start(const struct worker_setup *setup, uid_t uid, struct worker **started)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	if (!worker)
		return -ENOMEM;
	worker->setup = setup;
	worker->uid = uid;
	spare_init(&worker->spare, setup->spares);
	int r = spawn_start(setup->program, &worker->channel, &worker->pid);
	if (r < 0) {
		free(worker);
		return r;
	}
	r = worker_watch(worker);
	if (r < 0)
		worker_destroy(worker);
	else
		*started = worker;
	return r;
}

void worker_start_job(struct worker *worker, struct job *job)
{
	job->events->begin(job);
	const union job_packet order = {.decode = {
						.kind = JOB_DECODE,
						.format = job->format,
						.width = job->box.width,
						.height = job->box.height,
						.source = job->source,
					}};
	worker->jobs++;
	worker->job = job;
	worker->state = WORKER_HEADER;
	worker->segment = -1;
	job->worker = worker;
	worker_set_time_limit(worker, worker_time_for(worker->setup->options, 0));
	int r = channel_send(worker->channel, &order, job->input);
	if (r == -ETOOMANYREFS) {
		/* unix(7): too many descriptors of this user are in transit. */
		worker_become_idle(worker);
		worker_end_job(
			worker, FAULT_BUSY, "too many file descriptors are in transit; try again");
	} else if (r < 0) {
		worker_return_job(worker);
	}
}

void worker_offer_spare(struct worker *worker)
{
	int segment = spare_make(&worker->spare);
	if (segment < 0)
		return;
	const union job_packet packet = {.spare = {.kind = JOB_SPARE, .size = worker->spare.size}};
	OWN_FD int writer = worker_open_writer(worker, segment, worker->spare.size);
	if (writer < 0 || channel_send(worker->channel, &packet, writer) < 0)
		spare_forget(&worker->spare);
}

void worker_cancel_job(struct worker *worker)
{
	worker->job->worker = NULL;
	worker->job = NULL;
	worker_kill(worker);
}

void worker_destroy(struct worker *worker)
{
	worker->child = sd_event_source_disable_unref(worker->child);
	spawn_end(worker->pid);
	worker_free(worker);
}
