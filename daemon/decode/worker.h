/*
 * A decoder process and the job it is at: starts it, speaks job.h with it, minds its
 * deadline, and believes only what may be said in its state. One job at a time; what the job
 * is for, its owner knows.
 */
#pragma once

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

/* What the owner of a worker is told. */
struct worker_events {
	/* The decoder has reported how it is confined: bits of enum job_sandbox. */
	void (*confined)(struct worker *worker, uint32_t sandbox);
	/* The decoder has sent a packet: the worker may be idle now. */
	void (*changed)(struct worker *worker);
	/* The decoder was lost; the end of its job follows. */
	void (*failed)(struct worker *worker);
	/* The decoder hangs in the kernel; another one may take its place. */
	void (*stuck)(struct worker *worker);
	/* The decoder died before it got this job; another one can do it. */
	void (*returned)(struct worker *worker, struct job *job);
	/* The process is gone; the worker is freed after this. */
	void (*ended)(struct worker *worker);
};

/* What all workers of an owner have in common. */
struct worker_setup {
	sd_event *event;
	const char *program;	       /* the decoder */
	const struct options *options; /* read again for each job */
	struct spares *spares;
	const struct worker_events *events;
	void *owner; /* for the events */
};

/* What the owner of a job is told. */
struct job_events {
	/*
	 * The file is an image. Fills in the answer and returns the segment's descriptor,
	 * which stays the owner's, and may be the decoder's spare; or returns -1 when the image is
	 * refused, which ends the job without another event.
	 */
	int (*header)(struct job *job, const struct job_header *header, struct spare *spare,
		struct job_segment *answer);
	/* The job has ended: with its segment filled (FAULT_NONE), or with a fault. */
	void (*end)(struct job *job, enum fault fault, const char *message);
	/* Whether it may begin now. */
	bool (*ready)(const struct job *job);
	/* It begins, perhaps once more: the last moment to say what it is to be given. */
	void (*begin)(struct job *job);
};

struct job {
	TAILQ_ENTRY(job) link; /* while it is queued */
	const struct job_events *events;
	struct worker *worker; /* while it runs */
	uid_t uid;	       /* whose file it is */
	int input;	       /* what source says; stays the owner's */
	enum job_source source;
	enum format format;
	struct box box; /* to fit the picture into */
};

enum worker_state {
	WORKER_IDLE,
	WORKER_HEADER, /* owes a JOB_HEADER */
	WORKER_PIXELS, /* owes a JOB_DONE */
	WORKER_ENDING, /* has been killed, or has closed its channel */
};

struct worker {
	LIST_ENTRY(worker) link; /* the owner's */
	const struct worker_setup *setup;
	enum worker_state state;
	struct job *job;  /* NULL while idle, and when the job was cancelled */
	unsigned jobs;	  /* that it was given */
	uint64_t allowed; /* microseconds that the job may take, as far as is known */
	bool ready;	  /* has said that it is confined, as it must before all else */
	bool stuck;	  /* was killed and has not ended: it hangs in the kernel */
	uid_t uid;	  /* whose files it sees, and nobody else's ever */
	pid_t pid;
	int channel;
	struct spare spare;
	sd_event_source *answers;
	sd_event_source *child;
	sd_event_source *deadline; /* of the job, of being idle, of ending */
};

/*
 * Starts a decoder for the files of a user; setup stays the caller's. Returns 0 or a negative
 * errno.
 */
int worker_start(const struct worker_setup *setup, uid_t uid, struct worker **started);

/* Gives an idle worker a job; a failure ends the worker, and the job with it. */
void worker_give(struct worker *worker, struct job *job);

/* Gives an idle worker a spare for its next job, if one is due. */
void worker_offer_spare(struct worker *worker);

/* Lets the running job of a worker go, and ends the worker: it would go on for nobody. */
void worker_forget_job(struct worker *worker);

/* Kills the decoder; the event "ended" follows. */
void worker_kill(struct worker *worker);

/* Kills the decoder and waits for its end, without events. For the end of the daemon. */
void worker_destroy(struct worker *worker);
