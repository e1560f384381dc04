/*
 * shmimgctl top: shows what the daemon is doing. It draws the screen again after events and at an
 * interval, until the user presses q. However it ends, the terminal is as it was before.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "client/ctl/client.h"
#include "client/ctl/commands.h"
#include "client/ctl/exit.h"
#include "client/ctl/failure.h"
#include "client/ctl/message.h"
#include "client/ctl/record.h"
#include "client/ctl/terminal.h"
#include "client/ctl/top.h"

/*
 * Milliseconds: between two readings after events; for connecting to a daemon again, during which
 * keys wait; for the daemon's answer.
 */
enum { READ_MS = 100, PATIENCE_MS = 250, ASK_MS = 2000 };

/* xterm's alternate screen, without a cursor. */
#define ENTER_SCREEN "\033[?1049h\033[?25l\033[2J"
#define LEAVE_SCREEN "\033[?25h\033[?1049l"

struct session {
	shmimg_client *asking;
	shmimg_client *watching;
	bool is_watching; /* the connection had a daemon when last used */
	int interval_ms;
	double due;   /* when the next reading is, by top_now() */
	int signals;  /* a signalfd(2) */
	int ended_by; /* a signal, or 0 */
	bool is_done;
	struct terminal terminal;
	struct top top;
};

static double top_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Makes the next reading come soon; many events share one reading. */
static void top_hasten(struct session *session)
{
	double due = top_now() + READ_MS / 1e3;
	if (due < session->due)
		session->due = due;
}

static int top_take_event(const shmimg_record *record, void *context)
{
	top_set_event(context, record);
	return 0;
}

/* Whether the error passes when the daemon runs again. */
static bool top_is_temporary(int result)
{
	return failure_is_loss(result) || result == -ETIMEDOUT;
}

/* Takes all pending events. Returns 0, or a negative errno that ends top. */
static int top_take_events(struct session *session)
{
	int result = 0;
	while (result == 0) {
		result = shmimg_next_event(session->watching, 0, top_take_event, &session->top);
		if (result == 0)
			top_hasten(session);
	}
	session->is_watching = result == -ETIMEDOUT;
	return top_is_temporary(result) ? 0 : result;
}

static void top_draw_screen(const struct session *session)
{
	struct terminal_size size = terminal_size(STDOUT_FILENO);
	fputs("\033[H", stdout);
	top_draw(&session->top, stdout, size.columns, size.rows);
	fputs("\033[J", stdout);
	fflush(stdout);
}

/* Reads and draws. A long list, which takes long, is read less often. */
static int top_read_and_draw(struct session *session)
{
	double begun = top_now();
	int result = session->is_watching ? 0 : top_take_events(session);
	if (result == 0 && !session->is_watching)
		top_set_error(&session->top, session->watching);
	else if (result == 0)
		result = top_read(&session->top, session->asking, begun);
	if (result < 0 && !top_is_temporary(result))
		return result;
	top_draw_screen(session);
	double end = top_now();
	double pause = session->interval_ms / 1e3, work = 4 * (end - begun);
	session->due = end + (work > pause ? work : pause);
	return 0;
}

static void top_take_keys(struct session *session)
{
	char keys[64];
	ssize_t count = read(session->terminal.fd, keys, sizeof(keys));
	if (count <= 0)
		session->is_done = true; /* the terminal is gone */
	for (ssize_t i = 0; i < count; i++) {
		static const char orders[] = {[LISTING_BY_NAME] = 'n',
			[LISTING_BY_BYTES] = 'b',
			[LISTING_BY_PINS] = 'p',
			[LISTING_BY_AGE] = 'a'};
		const char *order = memchr(orders, keys[i], sizeof(orders));
		session->is_done |= keys[i] == 'q' || keys[i] == 'Q';
		if (order)
			session->top.order = (enum listing_order)(order - orders);
		session->due = 0;
	}
}

static int top_enter(struct session *session)
{
	int result = terminal_quiet(&session->terminal);
	if (result == 0)
		fputs(ENTER_SCREEN, stdout);
	session->due = 0;
	return result;
}

static void top_leave(struct session *session)
{
	fputs(LEAVE_SCREEN, stdout);
	fflush(stdout);
	terminal_restore(&session->terminal);
}

/* ^Z: the shell uses the terminal until this job continues. */
static int top_pause_session(struct session *session)
{
	top_leave(session);
	raise(SIGSTOP);
	return top_enter(session);
}

static int top_take_signal(struct session *session)
{
	struct signalfd_siginfo info;
	if (read(session->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	if (info.ssi_signo == SIGTSTP)
		return top_pause_session(session);
	if (info.ssi_signo == SIGWINCH) {
		session->due = 0;
		return 0;
	}
	session->is_done = true;
	session->ended_by = (int)info.ssi_signo;
	return 0;
}

static int top_wait_for(struct session *session)
{
	struct pollfd pollers[] = {{.fd = session->terminal.fd, .events = POLLIN},
		{.fd = session->signals, .events = POLLIN},
		{.fd = session->is_watching ? shmimg_fd(session->watching) : -1, .events = POLLIN}};
	double left = (session->due - top_now()) * 1e3;
	int result = 0;
	if (poll(pollers, 3, left > 0 ? (int)left + 1 : 0) <= 0)
		return 0;
	if (pollers[1].revents)
		result = top_take_signal(session);
	else if (pollers[0].revents)
		top_take_keys(session);
	if (result == 0 && pollers[2].revents)
		result = top_take_events(session);
	return result;
}

static int top_run(struct session *session)
{
	int result = 0;
	while (result == 0 && !session->is_done) {
		if (top_now() >= session->due)
			result = top_read_and_draw(session);
		if (result == 0)
			result = top_wait_for(session);
	}
	return result;
}

/* Signals that end, stop or resize arrive by a descriptor, never while the screen is drawn. */
static int top_open_signals(sigset_t *before)
{
	static const int taken[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_BLOCK, &set, before);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* Returns the result of the session. A signal other than SIGINT ends the process. */
static int top_run_on_screen(struct session *session)
{
	sigset_t before;
	session->signals = top_open_signals(&before);
	int result = session->signals < 0 ? session->signals : top_enter(session);
	if (result == 0) {
		result = top_run(session);
		top_leave(session);
	}
	if (session->signals >= 0)
		close(session->signals);
	if (session->ended_by == SIGINT)
		session->ended_by = 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (session->ended_by)
		raise(session->ended_by);
	return result;
}

static int top_print_record(const shmimg_record *record, void *context)
{
	(void)context;
	record_print(record, NULL, true);
	if (fflush(stdout) == 0)
		return 0;
	message_print("standard output: %s", strerror(errno));
	return 1;
}

/* Prints an object each time, until nothing reads standard output. */
static int top_run_as_json(struct session *session)
{
	int result = shmimg_stats(session->asking, top_print_record, NULL);
	while (result == 0 || top_is_temporary(result)) {
		struct timespec pause = {.tv_sec = session->interval_ms / 1000,
			.tv_nsec = session->interval_ms % 1000 * 1000000L};
		nanosleep(&pause, NULL);
		result = shmimg_stats(session->asking, top_print_record, NULL);
	}
	return result;
}

/* Opens the second connection. Returns 0, or the exit code after printing what is wrong. */
static int top_open_watch(struct session *session, const struct options *options)
{
	int result = client_open_again(options, &session->watching);
	if (result == 0)
		result = shmimg_watch(session->watching, session->top.match);
	if (result < 0)
		return failure_print_last("top", session->watching, result);
	shmimg_set_timeout(session->watching, PATIENCE_MS);
	shmimg_set_timeout(session->asking, options->timeout_ms < 0 ? ASK_MS : options->timeout_ms);
	session->is_watching = true;
	return 0;
}

static int top_print_end(const struct session *session, int result)
{
	if (result >= 0)
		return result ? EXIT_REFUSED : EXIT_DONE;
	const shmimg_client *client =
		*shmimg_message(session->asking) ? session->asking : session->watching;
	return failure_print_last("top", client, result);
}

static int top_show(struct session *session, const struct options *options)
{
	int result;
	if (options->values[OPTION_JSON])
		return top_print_end(session, top_run_as_json(session));
	int code = top_open_watch(session, options);
	if (code == 0) {
		result = top_run_on_screen(session);
		code = top_print_end(session, result);
	}
	shmimg_close(session->watching);
	top_clear(&session->top);
	return code;
}

int command_top(const struct options *options)
{
	struct session session = {.interval_ms = options->interval_ms,
		.terminal = {.fd = -1},
		.top = {.match = options->count ? options->operands[0] : NULL,
			.order = LISTING_BY_BYTES}};
	if (!options->values[OPTION_JSON] && terminal_open(&session.terminal, STDOUT_FILENO) < 0) {
		message_print("top needs a terminal and must run in the foreground; pass --json to "
			      "print lines instead");
		return EXIT_USAGE;
	}
	int code = client_open(options, &session.asking);
	if (code == 0) {
		code = top_show(&session, options);
		shmimg_close(session.asking);
	}
	terminal_close(&session.terminal);
	return code;
}
