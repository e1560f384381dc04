/*
 * A worker: owns a decoder process, its channel, and the job that it is doing.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "client/protocol/fault.h"
#include "client/protocol/fit.h"
#include "client/protocol/format.h"
#include "daemon/decode/spare.h"
#include "daemon/job/job.h"

struct worker;
struct job;

/* Calls to the owner of a worker. */
struct worker_events {
	/* The decoder has reported how it is confined: bits of enum job_sandbox. */
	void (*confined)(struct worker *worker, uint32_t sandbox);
	/* The decoder has sent a packet: the worker may be idle now. */
	void (*changed)(struct worker *worker);
	/* The decoder was lost with its job; the job's event "end" follows. */
	void (*failed)(struct worker *worker);
	/* The decoder was killed and hangs in the kernel; another one may take its place. */
	void (*stuck)(struct worker *worker);
	/* The decoder ended before it got this job; another one can do it. */
	void (*returned)(struct worker *worker, struct job *job);
	/* The process is gone; the worker is freed after this. */
	void (*ended)(struct worker *worker);
};

/* Common to all workers of an owner. */
struct worker_setup {
	sd_event *event;
	const char *program;	       /* the decoder's executable */
	const struct options *options; /* read again for each job */
	struct spares *spares;
	const struct worker_events *events;
	void *owner; /* for the events */
};

/* Calls to the owner of a job. */
struct job_events {
	/*
	 * The file is an image. Fills in the answer and returns the descriptor of the segment,
	 * which stays the owner's. The segment may be the decoder's spare. Or refuses the image and
	 * returns -1, which ends the job without another event.
	 */
	int (*header)(struct job *job, const struct job_header *header, struct spare *spare,
		struct job_segment *answer);
	/* The job has ended: with its segment filled (FAULT_NONE), or with a fault. */
	void (*end)(struct job *job, enum fault fault, const char *message);
	/* Whether the job may start now. */
	bool (*ready)(const struct job *job);
	/* The job starts, perhaps not for the first time; its members may still be changed. */
	void (*begin)(struct job *job);
};

struct job {
	RB_ENTRY(job) node; /* while it is queued */
	uint64_t number;    /* in the order in which jobs were queued */
	const struct job_events *events;
	struct worker *worker; /* while it runs */
	uid_t uid;	       /* whose file it is */
	int input;	       /* a descriptor of the kind that source says; stays the owner's */
	enum job_source source;
	enum format format;
	struct box box; /* to fit the picture into */
};

enum worker_state {
	WORKER_IDLE,
	WORKER_HEADER, /* JOB_HEADER is due */
	WORKER_PIXELS, /* JOB_DONE is due */
	WORKER_ENDING, /* was killed, or has closed its channel */
};

struct worker {
	LIST_ENTRY(worker) link; /* the owner's */
	const struct worker_setup *setup;
	enum worker_state state;
	struct job *job;     /* NULL while the decoder is idle, or if the job was cancelled */
	unsigned jobs;	     /* how many were started */
	uint64_t time_limit; /* of the job, in microseconds; is set again with JOB_HEADER */
	int segment;	     /* of the job, in the state PIXELS; is the job owner's */
	bool ready;	     /* JOB_READY was received; nothing may come before it */
	bool stuck;	     /* was killed and has not ended: hangs in the kernel */
	uid_t uid;	     /* the only user whose files it gets */
	pid_t pid;
	int channel;
	struct spare spare;
	sd_event_source *answers;
	sd_event_source *child;
	sd_event_source *deadline; /* for the job, for being idle, or for ending */
};

/*
 * Starts a decoder for the files of a user; setup stays the caller's. Returns 0 or a negative
 * errno.
 */
int worker_start(const struct worker_setup *setup, uid_t uid, struct worker **started);

/*
 * Starts a job in an idle worker. After a failure the worker ends, and the job ends or is returned
 * by an event.
 */
void worker_start_job(struct worker *worker, struct job *job);

/* Sends an idle worker a spare for its next job, if one is due. */
void worker_offer_spare(struct worker *worker);

/* Cancels the job of a worker, and kills the decoder: it cannot be told to stop decoding. */
void worker_cancel_job(struct worker *worker);

/* Kills the decoder; the event "ended" follows. */
void worker_kill(struct worker *worker);

/* Kills the decoder and waits for its end, without events. For use when the daemon ends. */
void worker_destroy(struct worker *worker);
