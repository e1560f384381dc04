/*
 * The log: what a message has in the journal and elsewhere, and how many there may be.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/log/limit.h"
#include "daemon/log/log.h"

enum { OUTPUT_SIZE = 65536 };

/* Standard error leads to a file meanwhile. */
static struct {
	int file, before;
	char text[OUTPUT_SIZE];
} output;

/* What the journal was sent last: fields with '\n' between them. */
static char sent[OUTPUT_SIZE];
static unsigned sent_count;
static int journal_result;

ssize_t __wrap_sendto(int fd, const void *data, size_t size, int flags,
	const struct sockaddr *address, socklen_t length);
ssize_t __wrap_sendto(int fd, const void *data, size_t size, int flags,
	const struct sockaddr *address, socklen_t length)
{
	const struct sockaddr_un *journal = (const struct sockaddr_un *)address;
	assert_true(fd > STDERR_FILENO && length == sizeof(*journal));
	assert_string_equal(journal->sun_path, "/run/systemd/journal/socket");
	assert_true(flags & MSG_DONTWAIT);
	memcpy(sent, data, size);
	sent[size] = '\0';
	sent_count++;
	errno = -journal_result;
	return journal_result < 0 ? -1 : (ssize_t)size;
}

static int pwritev2_result;

ssize_t __real_pwritev64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags);
ssize_t __wrap_pwritev64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags);
ssize_t __wrap_pwritev64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	if (pwritev2_result == 0)
		return __real_pwritev64v2(fd, parts, count, offset, flags);
	errno = -pwritev2_result;
	return -1;
}

static int setup(void **state)
{
	(void)state;
	char path[] = "/tmp/shmimg-test-log-XXXXXX";
	output.file = mkstemp(path);
	assert_true(output.file >= 0);
	unlink(path);
	output.before = dup(STDERR_FILENO);
	assert_true(dup2(output.file, STDERR_FILENO) >= 0);
	sent[0] = '\0';
	sent_count = 0;
	journal_result = 0;
	unsetenv("JOURNAL_STREAM");
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dup2(output.before, STDERR_FILENO);
	close(output.before);
	close(output.file);
	return 0;
}

/* What was printed so far. */
static const char *printed(void)
{
	ssize_t length = pread(output.file, output.text, OUTPUT_SIZE - 1, 0);
	assert_true(length >= 0);
	output.text[length] = '\0';
	return output.text;
}

static unsigned lines(const char *text)
{
	unsigned count = 0;
	for (; (text = strchr(text, '\n')); text++)
		count++;
	return count;
}

/* Has standard error be what systemd says it is. */
static void lead_to_journal(void)
{
	struct stat status;
	char text[64];
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
}

static void test_plain(void **state)
{
	(void)state;
	log_warning("one\ntwo\033[31m\x7f %d", 3);
	assert_string_equal(printed(), "shmimgd: one?two?[31m? 3\n");
	assert_int_equal(sent_count, 0);
}

static void test_level(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_WARNING);
	log_info("less");
	log_notice("less");
	log_warning("as much");
	log_error("more");
	assert_string_equal(printed(), "shmimgd: as much\nshmimgd: more\n");
}

static void test_other_stream(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_error("elsewhere");
	assert_string_equal(printed(), "shmimgd: elsewhere\n");
	assert_int_equal(sent_count, 0);
}

static void test_fields(void **state)
{
	(void)state;
	const struct log_client client = {1000, 77};
	lead_to_journal();
	log_write(&(struct log_entry){LOG_ENTRY(INFO, LOADED), .image = "/a b", .segment = "/s",
			  .fault = "busy", .client = &client, .error = 5},
		"loaded %s", "it");
	assert_string_equal(printed(), "");
	assert_int_equal(sent_count, 1);
	static const char *const fields[] = {"MESSAGE=loaded it\n", "\nPRIORITY=6\n",
		"\nSYSLOG_IDENTIFIER=shmimgd\n", "\nCODE_FILE=tests/unit/test-log.c\n",
		"\nCODE_LINE=", "\nCODE_FUNC=test_fields\n", "\nIMAGE=/a b\n", "\nSEGMENT=/s\n",
		"\nFAULT=busy\n", "\nERRNO=5\n", "\nCLIENT_UID=1000\n", "\nCLIENT_PID=77\n"};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_non_null(strstr(sent, fields[i]));
	const char *id = strstr(sent, "\nMESSAGE_ID=");
	assert_non_null(id);
	assert_int_equal(strspn(id + 12, "0123456789abcdef"), 32);
}

static void test_fields_that_are_not(void **state)
{
	(void)state;
	static const char *const fields[] = {
		"MESSAGE_ID", "IMAGE", "SEGMENT", "FAULT", "ERRNO", "CLIENT_UID", "CLIENT_PID"};
	const struct log_client client = {1000, 0};
	lead_to_journal();
	log_notice("plain");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_null(strstr(sent, fields[i]));
	log_write(&(struct log_entry){LOG_ENTRY(INFO, GONE), .client = &client}, "no process");
	assert_null(strstr(sent, "CLIENT_PID"));
}

/* The longest name and the longest text fit together. */
static void test_long_fields(void **state)
{
	(void)state;
	char name[4096], expected[4200];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	lead_to_journal();
	log_write(&(struct log_entry){LOG_ENTRY(INFO, GONE), .image = name}, "%s", name);
	snprintf(expected, sizeof(expected), "\nIMAGE=%s\n", name);
	assert_non_null(strstr(sent, expected));
}

static void test_no_journal(void **state)
{
	(void)state;
	lead_to_journal();
	journal_result = -ENOENT;
	log_error("nobody there");
	assert_int_equal(sent_count, 1);
	assert_string_equal(printed(), "shmimgd: nobody there\n");
}

/* A full journal loses messages, and the next one tells how many. */
static void test_full_journal(void **state)
{
	(void)state;
	uint64_t before = log_lost();
	lead_to_journal();
	journal_result = -EAGAIN;
	log_error("lost");
	log_error("lost too");
	assert_int_equal(log_lost() - before, 2);
	assert_string_equal(printed(), "");
	journal_result = 0;
	sent_count = 0;
	log_error("there");
	assert_int_equal(sent_count, 2);
	assert_int_equal(memcmp(sent, "MESSAGE=there\n", 14), 0);
	log_error("again");
	assert_int_equal(sent_count, 3);
	assert_int_equal(log_lost() - before, 2);
}

/* What was read from a stream. */
struct heard {
	unsigned lines;		 /* that were logged */
	unsigned long long lost; /* as lines about them tell */
};

static void read_line(struct heard *heard, const char *line)
{
	unsigned long long lost;
	if (sscanf(line, "shmimgd: %llu messages were lost: the log ", &lost) == 1)
		heard->lost += lost;
	else if (strncmp(line, "shmimgd: x", 10) == 0)
		heard->lines++;
	else
		fail_msg("%s", line);
}

/* Reads all that is in a pipe or socket now. */
static void read_all(int fd, struct heard *heard)
{
	char *line = NULL;
	size_t size = 0;
	int copy = dup(fd);
	assert_true(copy >= 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	FILE *file = fdopen(copy, "r");
	assert_non_null(file);
	while (getline(&line, &size, file) > 0)
		read_line(heard, line);
	free(line);
	fclose(file);
}

/* Fills a stream that nobody reads, then reads it: the log neither waits nor changes its flags. */
static void fill_and_read(int reader, int writer)
{
	char text[900];
	struct heard heard = {0};
	uint64_t before = log_lost();
	unsigned count = 0;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_true(dup2(writer, STDERR_FILENO) >= 0);
	for (; log_lost() < before + 3; count++)
		log_error("%s", text);
	assert_false(fcntl(writer, F_GETFL) & O_NONBLOCK);
	read_all(reader, &heard);
	assert_int_equal(heard.lines, count - 3);
	log_error("x");
	log_error("x");
	read_all(reader, &heard);
	assert_int_equal(heard.lines, count - 1);
	assert_int_equal(heard.lost, 3);
	assert_int_equal(log_lost() - before, 3);
	close(reader);
	close(writer);
}

static void test_unread_pipe(void **state)
{
	int pipes[2];
	(void)state;
	assert_return_code(pipe(pipes), errno);
	fill_and_read(pipes[0], pipes[1]);
}

static void test_unread_socket(void **state)
{
	int sockets[2];
	(void)state;
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), errno);
	fill_and_read(sockets[0], sockets[1]);
}

/* The write that may not wait is unknown to the kernel: the stream is asked before. */
static void test_old_kernel(void **state)
{
	(void)state;
	pwritev2_result = -EOPNOTSUPP;
	test_unread_pipe(state);
	pwritev2_result = 0;
}

static void test_limit(void **state)
{
	(void)state;
	for (int i = 1; i < LOG_LIMIT_BURST; i++)
		assert_int_equal(log_limit_count(LOG_LOADED, 5, 100), LOG_LIMIT_BELOW);
	assert_int_equal(log_limit_count(LOG_LOADED, 5, 100), LOG_LIMIT_LAST);
	assert_int_equal(log_limit_count(LOG_LOADED, 5, 100), LOG_LIMIT_ABOVE);
	assert_int_equal(log_limit_count(LOG_LOADED, 6, 100), LOG_LIMIT_BELOW);
	assert_int_equal(log_limit_count(LOG_GONE, 5, 100), LOG_LIMIT_BELOW);
	uint64_t later = 100 + LOG_LIMIT_SECONDS;
	assert_int_equal(log_limit_count(LOG_LOADED, 5, later - 1), LOG_LIMIT_ABOVE);
	assert_int_equal(log_limit_count(LOG_LOADED, 5, later), LOG_LIMIT_BELOW);
}

static void test_flood(void **state)
{
	(void)state;
	const struct log_client client = {1234, 0};
	for (int i = 0; i < 3 * LOG_LIMIT_BURST; i++)
		log_write(&(struct log_entry){LOG_ENTRY(INFO, NOT_LOADED), .client = &client}, "x");
	/* The flood may lie across the end of a time. */
	unsigned count = lines(printed());
	assert_true(count == LOG_LIMIT_BURST + 1 || count == 2 * (LOG_LIMIT_BURST + 1));
	assert_non_null(strstr(printed(), "because of user 1234, are not logged for 10 seconds\n"));
	log_error("heard all the same");
	assert_int_equal(lines(printed()), count + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_level, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fields_that_are_not, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unread_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unread_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_kernel, setup, teardown),
		cmocka_unit_test(test_limit),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
