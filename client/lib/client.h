/*
 * A client as the library's files share it: its state, the calls that threads make on it, and the
 * ways in which a call can fail. Sends and receives nothing.
 *
 * A call has the client's lock all the time, except while it waits (client_unlock()), sends, or is
 * in the caller's handler. So nothing that a call has read from the client before it waited is
 * certain afterwards; what belongs to the call itself is in struct call.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "client/lib/board.h"
#include "client/lib/channel.h"
#include "client/lib/mapping-cache.h"
#include "client/lib/pins.h"
#include "client/lib/public.h"
#include "client/protocol/wire.h"

enum client_state {
	CLIENT_LOST, /* not connected; the next call connects */
	CLIENT_OPEN,
	CLIENT_BROKEN, /* the daemon violated the protocol; never connects again */
};

/* What the daemon can do, from its HELLO reply. */
enum feature {
	FEATURE_ID = 1 << 0,
	FEATURE_QUIET = 1 << 1,
	FEATURE_CANCEL = 1 << 2,
	FEATURE_DESCRIPTORS = 1 << 3,
};

/* The error of the last failed call. */
struct client_failure {
	const char *code; /* error code of the daemon, or "" */
	bool set;	  /* there is an error */
	char message[1024];
};

/* One public call of one thread, from call_start() to call_end(). */
struct call {
	struct call *next;
	pthread_t thread;
	bool active;	     /* in use by a thread */
	bool handing;	     /* inside the caller's handler */
	bool sent;	     /* the last request was sent completely */
	bool repeated;	     /* the current request was sent twice */
	deadline end;	     /* of the call, or of its current wait */
	const char *subject; /* the name of the image that it may pin, or NULL */
	struct client_failure failure;
	bool used;		    /* thread is set */
	struct client_failure last; /* of the last call of this thread that failed */
	uint64_t last_number;	    /* the number of that failure; 0: none has failed */

	/* The request that is under way. */
	uint64_t id;		/* later requests have larger ones */
	bool pending;		/* the last line of the answer has not come */
	bool arrived;		/* a line is in answer, and was not read yet */
	bool lost;		/* the connection ended before the last line came */
	bool is_event;		/* waits for an EVENT line, and not for an answer */
	bool wants_fd;		/* a descriptor comes with OK */
	int passed;		/* the descriptor that came, or -1 */
	size_t length;		/* of the line, without its end */
	struct wire_line reply; /* points into answer */
	char answer[WIRE_LINE_MAX];
	char request[WIRE_LINE_MAX];	      /* the caller's request, until it is answered */
	char internal_request[WIRE_LINE_MAX]; /* a request of the library's own */
};

/* A request that timed out and was cancelled: its answer and that of CANCEL are still to come. */
struct orphan {
	uint64_t id;
	unsigned answers; /* to come */
	bool wants_fd;
};

enum { ORPHANS_MAX = 32 };

struct shmimg_client {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something that a call may wait for */
	struct call *call;	/* of the thread that has the lock */
	struct call *calls;	/* all, in use or not */
	struct call *exclusive; /* the call that alone may send, or NULL */
	bool reading;		/* a call waits for the socket, without the lock */
	bool sending;		/* a call sends, without the lock */
	uint64_t last_id;
	unsigned features; /* of the daemon: enum feature */
	size_t orphan_count;
	struct orphan orphans[ORPHANS_MAX];
	struct pins unwanted; /* pins of orphans, to be released */
	uint64_t failures;    /* how many calls have failed */
	int timeout_ms;
	enum client_state state;
	bool watching;		       /* only shmimg_next_event() may be called */
	char *match;		       /* the glob that it watches, or NULL: all */
	bool was_lost;		       /* a connection was lost before, maybe with its pins */
	uid_t reported_uid;	       /* the daemon's, according to its HELLO reply */
	struct client_failure failure; /* of the last failed call of any thread */
	char version[64];
	uid_t uid; /* the caller's */
	struct pins pins;
	struct mapping_cache cache;
	struct board_view board;
	struct channel channel;
	struct call first; /* more are allocated if more threads call at the same time */
};

/* Makes the lock of a new client. Returns 0 or a negative errno. */
int client_init(struct shmimg_client *client);

/* Frees the calls and the lock of a client that no thread uses. */
void client_destroy(struct shmimg_client *client);

/* Begins a call: takes the lock, and sets client->call. Returns 0 or -ENOMEM. */
int client_enter(struct shmimg_client *client);

/* Ends the call, and publishes its error if r is negative. Returns r. */
int client_leave(struct shmimg_client *client, int r);

/* Gives up the lock for something that may take long. Returns the call, for client_lock(). */
struct call *client_unlock(struct shmimg_client *client);
void client_lock(struct shmimg_client *client, struct call *call);

/* Waits until client->changed, with the lock given up. Returns 0 or -ETIMEDOUT. */
int client_sleep(struct shmimg_client *client, deadline end);

/* Whether the calling thread is inside a handler of this client. */
bool client_is_handing(const struct shmimg_client *client);

/* Whether another thread makes a call. */
bool client_has_others(const struct shmimg_client *client);

/* The error of this thread's last failed call on the client, or else of any thread's. */
const struct client_failure *client_last_failure(const struct shmimg_client *client);

/* Sets the error of a failed call; the connection stays as it is. Returns error. */
__attribute__((format(printf, 3, 4))) int client_fail(
	struct shmimg_client *client, int error, const char *format, ...);

/*
 * As client_fail(), and ends the connection: other calls that wait for an answer get -ECONNRESET.
 * The daemon then releases the client's pins. After -EPROTO the client never connects again.
 */
__attribute__((format(printf, 3, 4))) int client_lose(
	struct shmimg_client *client, int error, const char *format, ...);

/* As client_lose(), after the daemon refused the connection; keeps the daemon's error. */
int client_lose_refused(struct shmimg_client *client, int error);
