/*
 * The check of the socket. It connects without the library, to find out exactly what is wrong.
 */
#include "config.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/ctl/client.h"
#include "client/ctl/doctor.h"
#include "client/ctl/exit.h"
#include "client/protocol/name.h"
#include "client/protocol/peer.h"
#include "client/protocol/runtime.h"
#include "client/protocol/wire.h"

enum { ANSWER_SECONDS = 5 };

/* Chooses the socket that a command would use. */
static void doctor_socket_choose(struct doctor *doctor)
{
	const char *path = client_requested_socket(doctor->options);
	size_t size = sizeof(doctor->socket);
	bool user = name_user_socket(doctor->socket, size) == 0;
	if (path)
		snprintf(doctor->socket, size, "%s", path);
	else if (!user || (access(doctor->socket, F_OK) < 0 && access(SOCKET_SYSTEM, F_OK) == 0))
		snprintf(doctor->socket, size, "%s", SOCKET_SYSTEM);
	doctor->system = strcmp(doctor->socket, SOCKET_SYSTEM) == 0;
}

/* Reports a runtime folder that commands ignore. A socket that was named is used without it. */
static void doctor_socket_examine_folder(struct doctor *doctor)
{
	char fault[RUNTIME_FAULT_SIZE];
	if (client_requested_socket(doctor->options))
		return;
	runtime_folder(fault, sizeof(fault));
	if (*fault)
		diagnosis_add(&doctor->diagnosis, VERDICT_WARNING, "folder",
			"unset XDG_RUNTIME_DIR", "%s. " RUNTIME_ADVICE, fault);
}

static void doctor_socket_add(struct doctor *doctor, const char *fix, const char *text)
{
	diagnosis_add(
		&doctor->diagnosis, VERDICT_BAD, "socket", fix, "%s: %s", doctor->socket, text);
}

/* The command that starts a daemon at the socket. */
static const char *doctor_socket_start_command(const struct doctor *doctor, char *out, size_t size)
{
	if (doctor->system)
		return "systemctl enable --now shmimgd.socket";
	if (!client_requested_socket(doctor->options))
		return "systemctl --user enable --now shmimgd.socket";
	snprintf(out, size, "shmimgd --socket %s &", doctor->socket);
	return out;
}

/* Finds which of the socket and its folders keeps this user out. */
static void doctor_socket_print_no_permission(struct doctor *doctor)
{
	char folder[PATH_MAX], fix[PATH_MAX + 32];
	struct stat status;
	snprintf(folder, sizeof(folder), "%s", doctor->socket);
	const char *denied = doctor->socket;
	const char *mode = doctor->system ? "a=rw" : "u=rw";
	if (stat(doctor->socket, &status) < 0) {
		do
			denied = dirname(folder);
		while (denied[1] && stat(denied, &status) < 0);
		mode = "a+x";
	}
	/* What is another user's is not to be opened up: it is that user's daemon. */
	bool foreign = status.st_uid != geteuid() && status.st_uid != 0 && !doctor->system;
	snprintf(fix, sizeof(fix), "chmod %s %s", mode, denied);
	diagnosis_add(&doctor->diagnosis, VERDICT_BAD, "socket", foreign ? NULL : fix,
		"%s: you have no access: %s has the mode %04o and belongs to user %u%s",
		doctor->socket, denied, status.st_mode & 07777u, status.st_uid,
		foreign ? ". Use a daemon of your own, or the system's" : "");
}

static void doctor_socket_print_not_connected(struct doctor *doctor, int error)
{
	char fix[PATH_MAX + 32];
	struct stat status;
	bool there = stat(doctor->socket, &status) == 0;
	if (error == EACCES) {
		doctor_socket_print_no_permission(doctor);
	} else if (there && !S_ISSOCK(status.st_mode)) {
		snprintf(fix, sizeof(fix), "rm %s", doctor->socket);
		doctor_socket_add(doctor, fix, "this is not a socket");
	} else if (error == ECONNREFUSED) {
		doctor_socket_add(doctor, doctor_socket_start_command(doctor, fix, sizeof(fix)),
			"no daemon listens; the last one was killed, and not started again");
	} else if (error == ENOENT) {
		doctor_socket_add(doctor, doctor_socket_start_command(doctor, fix, sizeof(fix)),
			"no daemon runs");
	} else {
		doctor_socket_add(doctor, NULL, strerror(error));
	}
}

/* Sends HELLO and reads the reply. Returns the length of its line, or a negative errno. */
static ssize_t doctor_socket_handshake(int fd, char *line, size_t size)
{
	static const char hello[] = "HELLO protocol=1\n";
	struct timeval limit = {.tv_sec = ANSWER_SECONDS};
	size_t length = 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		return -errno;
	while (length < size) {
		ssize_t count = recv(fd, line + length, size - length, 0);
		if (count < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (count == 0)
			return -EPROTO;
		length += (size_t)count;
		const char *end = memchr(line, '\n', length);
		if (end)
			return end - line;
	}
	return -EPROTO;
}

/* Reads the reply. Returns whether it is from a daemon that accepts this client. */
static bool doctor_socket_read_hello(struct doctor *doctor, char *text, size_t length)
{
	struct wire_line line;
	if (wire_parse(text, length, &line))
		return false;
	const char *version = wire_get(&line, "version");
	const char *board = wire_get(&line, "board");
	const char *message = wire_get(&line, "message");
	if (strcmp(line.verb, "ERR") == 0 && message) {
		doctor_socket_add(doctor, "shmimgctl stats", message);
		return false;
	}
	if (strcmp(line.verb, "OK") != 0 || !version)
		return false;
	if (board)
		snprintf(doctor->board, sizeof(doctor->board), "%s", board);
	bool same = strcmp(version, PACKAGE_VERSION) == 0;
	diagnosis_add(&doctor->diagnosis, same ? VERDICT_GOOD : VERDICT_WARNING, "socket",
		same		 ? NULL
		: doctor->system ? "systemctl kill -s KILL shmimgd"
				 : "pkill -KILL -U $(id -u) -x shmimgd",
		same ? "%s: a daemon answers, version %s"
		     : "%s: the daemon has another version, %s; the next daemon keeps the images",
		doctor->socket, version);
	return true;
}

static bool doctor_socket_examine_daemon(struct doctor *doctor, int fd)
{
	char line[WIRE_LINE_MAX];
	unsigned faults = doctor->diagnosis.faults;
	ssize_t length = doctor_socket_handshake(fd, line, sizeof(line));
	if (length == -ETIMEDOUT)
		doctor_socket_add(doctor,
			doctor->system ? "systemctl kill -s KILL shmimgd"
				       : "pkill -KILL -U $(id -u) -x shmimgd",
			"the daemon does not answer: it hangs");
	else if (length >= 0 && doctor_socket_read_hello(doctor, line, (size_t)length))
		return true;
	else if (faults == doctor->diagnosis.faults)
		doctor_socket_add(doctor, "ss -xlp", "something other than shmimgd listens there");
	return false;
}

/* Whether commands use the daemon that listens there. */
static bool doctor_socket_trusts_peer(struct doctor *doctor, int fd)
{
	char fault[PEER_FAULT_SIZE];
	uid_t uid = 0;
	int r = peer_check(fd, doctor->socket, &uid);
	if (r == 0)
		return true;
	if (r == -EPERM)
		peer_explain(uid, doctor->socket, fault, sizeof(fault));
	diagnosis_add(&doctor->diagnosis, VERDICT_BAD, "socket", NULL, "%s",
		r == -EPERM ? fault : strerror(-r));
	return false;
}

bool doctor_examine_socket(struct doctor *doctor)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	doctor_socket_choose(doctor);
	doctor_socket_examine_folder(doctor);
	if (strlen(doctor->socket) >= sizeof(address.sun_path)) {
		doctor_socket_add(doctor, NULL, "the path is too long for a socket");
		return false;
	}
	strcpy(address.sun_path, doctor->socket);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		doctor_socket_add(doctor, NULL, strerror(errno));
		return false;
	}
	bool answers = false;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		doctor_socket_print_not_connected(doctor, errno);
	else if (doctor_socket_trusts_peer(doctor, fd))
		answers = doctor_socket_examine_daemon(doctor, fd);
	close(fd);
	return answers;
}
