/*
 * Decoders without processes: a socket pair in place of each.
 */
#include "tests/fuzz/puppet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/job/spawn.h"
#include "tests/fuzz/target.h"

enum { PID_FIRST = 1 << 23 }; /* above all that the kernel gives out: proc(5), pid_max */

struct puppet {
	bool used; /* and the daemon has not buried it */
	bool dead;
	int channel;
	pid_t pid;
	sd_event_source *child;
	sd_event_child_handler_t handler;
	void *context;
	siginfo_t death;
	bool ready;	 /* has said so */
	uint32_t wanted; /* the last request that it has not answered, enum job_kind */
	struct job_decode order;
	int segment; /* that it was given last, or -1 */
	off_t size;
};

static struct puppet puppets[PUPPETS_MAX];

/* ---- What the daemon calls instead of the system ---- */

int __wrap_spawn_start(const char *program, int *channel, pid_t *pid);
void __wrap_spawn_end(pid_t pid);
int __wrap_kill(pid_t pid, int number);
int __real_kill(pid_t pid, int number);
int __wrap_sd_event_add_child(sd_event *event, sd_event_source **source, pid_t pid, int options,
	sd_event_child_handler_t handler, void *context);

static struct puppet *puppet_of(pid_t pid)
{
	if (pid < PID_FIRST || pid >= PID_FIRST + PUPPETS_MAX)
		return NULL;
	return &puppets[pid - PID_FIRST];
}

int __wrap_spawn_start(const char *program, int *channel, pid_t *pid)
{
	int ends[2];
	unsigned index = 0;
	(void)program;
	while (index < PUPPETS_MAX && puppets[index].used)
		index++;
	if (index == PUPPETS_MAX)
		return -EAGAIN;
	int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
	must(socketpair(AF_UNIX, type, 0, ends) == 0);
	*channel = ends[0];
	*pid = PID_FIRST + (pid_t)index;
	puppets[index] =
		(struct puppet){.used = true, .channel = ends[1], .pid = *pid, .segment = -1};
	return 0;
}

static void drop_segment(struct puppet *puppet)
{
	if (puppet->segment >= 0)
		close(puppet->segment);
	puppet->segment = -1;
}

static void die(struct puppet *puppet, int code, int status)
{
	if (puppet->dead)
		return;
	puppet->dead = true;
	puppet->death = (siginfo_t){.si_signo = SIGCHLD, .si_code = code};
	puppet->death.si_status = status;
	close(puppet->channel);
	drop_segment(puppet);
	if (puppet->child)
		sd_event_source_set_enabled(puppet->child, SD_EVENT_ONESHOT);
}

void __wrap_spawn_end(pid_t pid)
{
	struct puppet *puppet = puppet_of(pid);
	must(puppet && puppet->used);
	puppet->child = NULL; /* nobody listens any more */
	die(puppet, CLD_KILLED, SIGKILL);
	puppet->used = false;
}

int __wrap_kill(pid_t pid, int number)
{
	struct puppet *puppet = puppet_of(pid);
	if (!puppet)
		return __real_kill(pid, number);
	must(puppet->used);
	die(puppet, CLD_KILLED, number);
	return 0;
}

static int on_death(sd_event_source *source, void *context)
{
	struct puppet *puppet = context;
	puppet->used = false;
	return puppet->handler(source, &puppet->death, puppet->context);
}

int __wrap_sd_event_add_child(sd_event *event, sd_event_source **source, pid_t pid, int options,
	sd_event_child_handler_t handler, void *context)
{
	struct puppet *puppet = puppet_of(pid);
	(void)options;
	must(puppet && puppet->used && !puppet->child);
	int r = sd_event_add_defer(event, &puppet->child, on_death, puppet);
	if (r >= 0)
		r = sd_event_source_set_enabled(puppet->child, SD_EVENT_OFF);
	puppet->handler = handler;
	puppet->context = context;
	*source = puppet->child;
	return r;
}

/* ---- What the test has them do ---- */

struct puppet *puppet_find(unsigned index)
{
	for (unsigned i = 0; i < PUPPETS_MAX; i++) {
		struct puppet *puppet = &puppets[(index + i) % PUPPETS_MAX];
		if (puppet->used && !puppet->dead)
			return puppet;
	}
	return NULL;
}

void puppet_send(struct puppet *puppet, const void *packet, size_t size)
{
	/* What does not fit is not said: the daemon has stopped to listen. */
	send(puppet->channel, packet, size, MSG_NOSIGNAL);
}

void puppet_send_ready(struct puppet *puppet)
{
	const struct job_ready packet = {JOB_READY, JOB_SANDBOX_SECCOMP};
	puppet->ready = true;
	puppet_send(puppet, &packet, sizeof(packet));
}

void puppet_send_done(struct puppet *puppet)
{
	const struct job_signal packet = {JOB_DONE};
	puppet->wanted = 0;
	puppet_send(puppet, &packet, sizeof(packet));
}

void puppet_send_error(struct puppet *puppet, uint32_t fault)
{
	const struct job_error packet = {JOB_ERROR, fault, "it is so"};
	puppet->wanted = 0;
	puppet_send(puppet, &packet, sizeof(packet));
}

static void take_fd(struct puppet *puppet, struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	drop_segment(puppet);
	must(control && control->cmsg_type == SCM_RIGHTS);
	must(control->cmsg_len == CMSG_LEN(sizeof(int)));
	memcpy(&puppet->segment, CMSG_DATA(control), sizeof(int));
}

/* Receives a packet, if there is one. Returns whether there was. */
static bool receive(struct puppet *puppet)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	union job_packet packet;
	struct iovec data = {&packet, sizeof(packet)};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	if (recvmsg(puppet->channel, &message, MSG_CMSG_CLOEXEC) <= 0)
		return false;
	puppet->wanted = packet.kind;
	if (packet.kind != JOB_REFUSE && packet.kind != JOB_LAST)
		take_fd(puppet, &message);
	if (packet.kind == JOB_SEGMENT)
		puppet->size = (off_t)packet.segment.size;
	else
		drop_segment(puppet);
	if (packet.kind == JOB_DECODE)
		puppet->order = packet.decode;
	return true;
}

void puppet_send_header(struct puppet *puppet, uint32_t size, uint32_t orientation)
{
	while (receive(puppet))
		;
	const struct job_decode *order = &puppet->order;
	struct job_header packet = {
		.kind = JOB_HEADER,
		.width = size,
		.height = size,
		.full_width = size,
		.full_height = size,
		.format = order->format == FORMAT_NATIVE ? FORMAT_RGB8 : order->format,
		.native = FORMAT_RGB8,
		.orientation = orientation,
		.type = "PUPPET",
	};
	if (size > 0)
		fit_inside(&packet.width, &packet.height, order->width, order->height);
	puppet->wanted = 0;
	puppet_send(puppet, &packet, sizeof(packet));
}

void puppet_fill(struct puppet *puppet)
{
	while (receive(puppet))
		;
	while (puppet->segment >= 0 && fallocate(puppet->segment, 0, 0, puppet->size) < 0)
		must(errno == EINTR);
	drop_segment(puppet);
}

void puppet_exit(struct puppet *puppet)
{
	die(puppet, CLD_EXITED, 1);
}

void puppet_expire(const struct puppet *puppet, const struct pool *pool)
{
	const struct worker *worker;
	LIST_FOREACH (worker, &pool->workers, link) {
		if (worker->pid == puppet->pid)
			sd_event_source_set_time(worker->deadline, 0);
	}
}

bool puppet_serve(struct puppet *puppet)
{
	bool was_ready = puppet->ready;
	if (!was_ready)
		puppet_send_ready(puppet);
	receive(puppet);
	switch (puppet->wanted) {
	case JOB_DECODE:
		puppet_send_header(puppet, 8, 1);
		return true;
	case JOB_SEGMENT:
		puppet_fill(puppet);
		puppet_send_done(puppet);
		return true;
	case JOB_LAST:
		puppet_send_done(puppet);
		return true;
	default:
		return !was_ready;
	}
}
