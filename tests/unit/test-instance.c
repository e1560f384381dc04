/*
 * Tests of the daemon's options, and of its claim on a socket: the lock, the identity, the
 * socket itself, and what is cleaned up after a daemon that was killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/random.h"
#include "daemon/config/configuration.h"
#include "daemon/instance.h"
#include "daemon/segment/board.h"
#include "daemon/segment/semaphore.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/shmimg-instance-XXXXXX";
static char socket_path[64], lock_path[80];

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(socket_path, sizeof(socket_path), "%s/run/socket", folder);
	snprintf(lock_path, sizeof(lock_path), "%s.lock", socket_path);
	return 0;
}

static int remove_folder(void **state)
{
	char path[64];
	(void)state;
	unlink(socket_path);
	unlink(lock_path);
	snprintf(path, sizeof(path), "%s/run", folder);
	rmdir(path);
	return rmdir(folder);
}

static int read_options(struct options *options, const char *first, const char *second)
{
	static char name[] = "shmimgd", one[300], two[64]; /* options point into them */
	char *argv[] = {name, one, second ? two : NULL, NULL};
	snprintf(one, sizeof(one), "%s", first);
	snprintf(two, sizeof(two), "%s", second ? second : "");
	static struct configuration configuration;
	struct command_line line;
	optind = 0; /* getopt_long(3) begins anew */
	int r = command_line_read(&line, second ? 3 : 2, argv);
	if (r == 0)
		r = configuration_read(&configuration, &line);
	*options = configuration.options;
	return r;
}

static void test_bad_options(void **state)
{
	static const char *const bad[] = {"--nonsense", "-x", "argument", "--", "--socket",
		"--socket=", "--socket=relative", "--socket-mode=", "--socket-mode=8",
		"--socket-mode=1000", "--socket-mode=-1", "--socket-mode=+7", "--socket-mode= 7",
		"--socket-mode=7x", "--socket-mode=-18446744073709551615",
		"--memory-max=", "--memory-max=K", "--memory-max=1KK", "--memory-max=1k",
		"--memory-max=-1", "--memory-max=1.5G", "--memory-max=9223372036854775808",
		"--memory-max=8388608T", "--memory-max=99999999999999999999999999999999",
		"--memory-max=1 G", "--max-pixels=0", "--max-pixels=", "--max-pixels=1K",
		"--max-pixels=-5", "--max-pixels=576460752303423488", "--decoders=0",
		"--decoders=257", "--decoders=two", "--decoders=4294967297", "--decode-timeout=0",
		"--decode-timeout=86401", "--decode-timeout=1s", "--log-level=", "--log-level=warn",
		"--log-level=warning|notice", "--memory-pressure=maybe", "--memory-pressure=1",
		"--decoder=relative", "--decoder=", "--decoder=/a ;b", "--decoder=/a ",
		"--decoder=/a\tb"};
	struct options options;
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		int expected = strcmp(bad[i], "--") == 0 ? 0 : -EINVAL;
		if (read_options(&options, bad[i], NULL) != expected)
			fail_msg("%s", bad[i]);
	}
	assert_int_equal(read_options(&options, "--decoders=1", "argument"), -EINVAL);
	assert_int_equal(read_options(&options, "--help", NULL), 1);
	assert_int_equal(read_options(&options, "-h", "--decoders=0"), 1);
	assert_int_equal(read_options(&options, "-V", NULL), 1);
	assert_int_equal(read_options(&options, "--version", NULL), 1);
}

static void test_good_options(void **state)
{
	static const struct {
		const char *option;
		uint64_t value;
		enum { MEMORY, PIXELS, DECODERS, TIMEOUT, MODE } member;
	} cases[] = {
		{"--memory-max=1", 1, MEMORY},
		{"--memory-max=3K", 3 << 10, MEMORY},
		{"--memory-max=512M", 512 << 20, MEMORY},
		{"--memory-max=2G", UINT64_C(2) << 30, MEMORY},
		{"--memory-max=8388607T", UINT64_C(8388607) << 40, MEMORY},
		{"--memory-max=9223372036854775807", INT64_MAX, MEMORY},
		{"--max-pixels=1", 1, PIXELS},
		{"--max-pixels=576460752303423487", INT64_MAX / 16, PIXELS},
		{"--decoders=1", 1, DECODERS},
		{"--decoders=256", 256, DECODERS},
		{"--decode-timeout=1", 1, TIMEOUT},
		{"--decode-timeout=86400", 86400, TIMEOUT},
		{"--socket-mode=0", 0, MODE},
		{"--socket-mode=660", 0660, MODE},
		{"--socket-mode=0777", 0777, MODE},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options options;
		assert_int_equal(read_options(&options, cases[i].option, NULL), 0);
		const uint64_t found[] = {options.memory_max, options.max_pixels, options.decoders,
			options.decode_timeout, options.socket_mode};
		assert_int_equal(found[cases[i].member], cases[i].value);
	}
	struct options options;
	assert_int_equal(read_options(&options, "--decoder=/x/y", "--decoders=9"), 0);
	assert_string_equal(options.decoder, "/x/y");
	assert_int_equal(options.decoders, 9);
}

static void test_user_limits(void **state)
{
	static const struct {
		const char *option;
		enum resource resource;
		uint64_t value;
	} cases[] = {
		{"--user-connections=1", RESOURCE_CONNECTIONS, 1},
		{"--user-connections=1000000000", RESOURCE_CONNECTIONS, 1000000000},
		{"--user-images=2", RESOURCE_IMAGES, 2},
		{"--user-bytes=3K", RESOURCE_BYTES, 3 << 10},
		{"--user-bytes=8388607T", RESOURCE_BYTES, 64 << 10}, /* as --memory-max */
		{"--user-loads=4", RESOURCE_LOADS, 4},
		{"--user-pins=5", RESOURCE_PINS, 5},
		{"--user-follows=6", RESOURCE_FOLLOWS, 6},
		{"--user-sets=7", RESOURCE_SETS, 7},
		{"--user-watches=8", RESOURCE_WATCHES, 8},
		{"--user-descriptors=7", RESOURCE_DESCRIPTORS, 7},
	};
	static const uint64_t defaults[RESOURCE_COUNT] = {
		256, 65536, 64 << 10, 1024, 65536, 8192, 512, 8192, 256};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options options;
		assert_int_equal(read_options(&options, cases[i].option, "--memory-max=64K"), 0);
		bool others = options.socket_mode & 0022; /* as root */
		for (int k = 0; k < RESOURCE_COUNT; k++)
			assert_int_equal(options.user_limits[k],
				k == (int)cases[i].resource	? cases[i].value
				: others && k == RESOURCE_BYTES ? 48 << 10
								: defaults[k]);
	}
}

static void test_defaults(void **state)
{
	struct options options;
	(void)state;
	assert_int_equal(read_options(&options, "--", NULL), 0);
	assert_non_null(strstr(options.decoder, "/shmimg-decoder"));
	assert_int_equal(options.socket_mode, geteuid() == 0 ? 0666 : 0600);
	assert_in_range(options.decoders, 1, 256);
	assert_int_equal(options.decode_timeout, 20);
	assert_int_equal(options.max_pixels, 1 << 28);
	assert_true(options.memory_max > 0);
}

static void set(const char *variable, const char *value)
{
	if (value)
		setenv(variable, value, 1);
	else
		unsetenv(variable);
}

static void test_socket_option(void **state)
{

	char user_socket[64];
	snprintf(user_socket, sizeof(user_socket), "%s/shmimgd/socket", folder);
	const struct {
		const char *option, *socket, *runtime, *result;
	} cases[] = {
		{"--socket=/a/b", "/c", folder, "/a/b"},
		{"--", "/c", folder, "/c"},
		{"--", "", folder, user_socket},
		{"--", NULL, folder, user_socket},
		{"--", NULL, "/nonexistent", "/run/shmimgd/socket"},
		{"--", NULL, "/tmp", "/run/shmimgd/socket"},
		{"--", NULL, "relative", "/run/shmimgd/socket"},
		{"--", NULL, "", "/run/shmimgd/socket"},
		{"--", NULL, NULL, "/run/shmimgd/socket"},
		{"--", "relative", folder, NULL},
	};
	struct options options;
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		set("SHMIMG_SOCKET", cases[i].socket);
		set("XDG_RUNTIME_DIR", cases[i].runtime);
		int r = read_options(&options, cases[i].option, NULL);
		assert_int_equal(r, cases[i].result ? 0 : -EINVAL);
		if (cases[i].result)
			assert_string_equal(options.socket, cases[i].result);
	}
	set("SHMIMG_SOCKET", NULL);
	char path[200];
	for (size_t length = 100; length < 110; length++) {
		memcpy(path, "--socket=/", 10);
		memset(path + 10, 'x', length - 1);
		path[9 + length] = '\0';
		assert_int_equal(read_options(&options, path, NULL), length <= 102 ? 0 : -EINVAL);
		set("XDG_RUNTIME_DIR", NULL);
		set("SHMIMG_SOCKET", path + 9);
		assert_int_equal(read_options(&options, "--", NULL), length <= 102 ? 0 : -EINVAL);
		set("SHMIMG_SOCKET", NULL);
	}
}

static void test_runtime_folder_with_a_long_path(void **state)
{
	struct options options;
	char path[200];
	(void)state;
	snprintf(path, sizeof(path), "%s/%0100d", folder, 0);
	assert_int_equal(mkdir(path, 0700), 0);
	set("XDG_RUNTIME_DIR", path);
	int r = read_options(&options, "--", NULL);
	set("XDG_RUNTIME_DIR", NULL);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(r, -EINVAL);
}

static void test_claim(void **state)
{
	struct instance first, second;
	(void)state;
	assert_int_equal(instance_claim(&first, socket_path), 0); /* makes the folder */
	assert_int_equal(strlen(first.identity.id), 16);
	assert_int_equal(strspn(first.identity.id, "0123456789abcdef"), 16);
	assert_string_equal(first.path, lock_path);
	assert_int_equal(instance_claim(&second, socket_path), -EBUSY);
	instance_release(&second);
	assert_int_equal(access(lock_path, F_OK), 0);
	instance_release(&first);
	assert_int_equal(first.lock, -1);
	assert_int_not_equal(access(lock_path, F_OK), 0);
	assert_int_equal(instance_claim(&second, socket_path), 0);
	assert_string_not_equal(second.identity.id, first.identity.id);
	instance_release(&first); /* has nothing any more */
	assert_int_equal(access(lock_path, F_OK), 0);
	instance_release(&second);
}

static void test_identity_of_one_that_was_killed(void **state)
{
	struct instance first, second;
	(void)state;
	assert_int_equal(instance_claim(&first, socket_path), 0);
	close(first.lock);
	assert_int_equal(instance_claim(&second, socket_path), 0);
	assert_string_equal(second.identity.id, first.identity.id);
	instance_release(&second);
}

static void test_strange_lock_files(void **state)
{
	static const char *const contents[] = {"", "0123", "0123456789ABCDEF", "0123456789abcde/",
		"0123456789abcde\n", "../../../../../x"};
	(void)state;
	for (size_t i = 0; i < COUNT(contents); i++) {
		struct instance instance, again;
		int fd = open(lock_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		assert_int_equal(write(fd, contents[i], strlen(contents[i])), strlen(contents[i]));
		close(fd);
		assert_int_equal(instance_claim(&instance, socket_path), 0);
		assert_int_equal(strspn(instance.identity.id, "0123456789abcdef"), 16);
		assert_memory_not_equal(instance.identity.id, "0123", 4);
		close(instance.lock);
		assert_int_equal(instance_claim(&again, socket_path), 0);
		assert_string_equal(again.identity.id, instance.identity.id);
		instance_release(&again);
	}
}

static void write_lock(const char *text, mode_t mode)
{
	int fd = open(lock_path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	assert_return_code(fd, errno);
	assert_return_code(fchmod(fd, mode), errno);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

#define KEY_TEXT "00112233445566778899aabbccddeeff"
#define ID_TEXT	 "0123456789abcdef"

/* The id tells what to remove; without a key that nobody else can know, nothing is believed. */
static void test_key(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		bool believed;
	} cases[] = {
		{ID_TEXT "\n" KEY_TEXT "\n", 0600, true},
		{ID_TEXT "\n" KEY_TEXT "\n", 0400, true},
		{ID_TEXT "\n" KEY_TEXT "\n", 0640, false},
		{ID_TEXT "\n" KEY_TEXT "\n", 0602, false},
		{ID_TEXT "\n" KEY_TEXT, 0600, false},
		{ID_TEXT "\n" KEY_TEXT "\n\n", 0600, false},
		{ID_TEXT " " KEY_TEXT "\n", 0600, false},
		{ID_TEXT "\n0x112233445566778899aabbccddeeff\n", 0600, false},
		{ID_TEXT "\n", 0600, false},
		{ID_TEXT, 0600, false},
	};
	static const unsigned char key[SIPHASH_KEY_SIZE] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55,
		0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
	struct instance instance, again;
	struct stat status;
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		write_lock(cases[i].text, cases[i].mode);
		assert_int_equal(instance_claim(&instance, socket_path), 0);
		assert_true(instance.inherited);
		assert_string_equal(instance.identity.id, ID_TEXT);
		bool same = memcmp(instance.identity.key, key, sizeof(key)) == 0;
		if (same != cases[i].believed)
			fail_msg("case %zu", i);
		assert_return_code(stat(lock_path, &status), errno);
		assert_int_equal(status.st_mode & 077, 0);
		close(instance.lock);
		assert_int_equal(instance_claim(&again, socket_path), 0);
		assert_memory_equal(&again.identity, &instance.identity, sizeof(again.identity));
		instance_release(&again);
	}
}

static void plant_link(const char *path)
{
	assert_return_code(symlink("elsewhere", path), errno);
}

static void plant_fifo(const char *path)
{
	assert_return_code(mkfifo(path, 0666), errno);
}

static void plant_folder(const char *path)
{
	assert_return_code(mkdir(path, 0700), errno);
}

static void plant_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(fd, (const struct sockaddr *)&address, sizeof(address)), errno);
	close(fd);
}

/* A file that is a lock file but for its second name. */
static void plant_second_name(const char *path)
{
	char first[128];
	snprintf(first, sizeof(first), "%s.first", path);
	write_lock(ID_TEXT "\n" KEY_TEXT "\n", 0600);
	assert_return_code(link(path, first), errno);
}

static void plant_file_of_another(const char *path)
{
	write_lock(ID_TEXT "\n" KEY_TEXT "\n", 0600);
	assert_return_code(chown(path, 4711, 4711), errno);
}

static void test_planted_lock_files(void **state)
{
	static void (*const plants[])(const char *path) = {plant_link, plant_fifo, plant_folder,
		plant_socket, plant_second_name, plant_file_of_another};
	struct instance instance;
	struct stat before, after;
	char first[128];
	(void)state;
	assert_int_equal(instance_claim(&instance, socket_path), 0); /* makes the folder */
	instance_release(&instance);
	for (size_t i = 0; i < COUNT(plants); i++) {
		if (plants[i] == plant_file_of_another && geteuid() != 0)
			continue;
		plants[i](lock_path);
		assert_return_code(lstat(lock_path, &before), errno);
		assert_int_equal(instance_claim(&instance, socket_path), -EPERM);
		assert_int_equal(instance.lock, -1);
		assert_return_code(lstat(lock_path, &after), errno);
		assert_true(before.st_ino == after.st_ino);
		assert_return_code(remove(lock_path), errno);
	}
	snprintf(first, sizeof(first), "%s.first", lock_path);
	unlink(first);
	assert_int_equal(instance_claim(&instance, "/nowhere/at/all/socket"), -ENOENT);
}

static void test_folder(void **state)
{
	static const struct {
		mode_t mode;
		uid_t owner;
		bool safe;
	} cases[] = {
		{0700, 0, true},
		{0755, 0, true},
		{01777, 0, true},
		{0777, 0, false},
		{0770, 0, false},
		{0702, 0, false},
		{0755, 4711, false},
	};
	struct instance instance;
	char path[64];
	(void)state;
	assert_int_equal(instance_claim(&instance, socket_path), 0);
	snprintf(path, sizeof(path), "%s/run", folder);
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (cases[i].owner != 0 && geteuid() != 0)
			continue; /* only root can give a folder away */
		uid_t owner = cases[i].owner != 0 ? cases[i].owner : geteuid();
		assert_return_code(chown(path, owner, (gid_t)-1), errno);
		assert_return_code(chmod(path, cases[i].mode), errno);
		if (instance_folder_is_safe(&instance) != cases[i].safe)
			fail_msg("case %zu", i);
	}
	assert_return_code(chown(path, geteuid(), (gid_t)-1), errno);
	assert_return_code(chmod(path, 0700), errno);
	instance_release(&instance);
	snprintf(instance.path, sizeof(instance.path), "/nowhere/at/all/socket.lock");
	assert_false(instance_folder_is_safe(&instance));
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	r = r < 0 ? -errno : 0;
	close(fd);
	return r;
}

static void test_listen(void **state)
{
	static const mode_t modes[] = {0600, 0666, 0, 0777};
	struct stat status;
	(void)state;
	mode_t mask = umask(077);
	for (size_t i = 0; i < COUNT(modes); i++) {
		/* From the second on, in place of a stale one. */
		int fd = instance_listen(socket_path, modes[i]);
		assert_return_code(fd, -fd);
		assert_return_code(stat(socket_path, &status), errno);
		assert_int_equal(status.st_mode & 07777, modes[i]);
		assert_int_equal(umask(077), 077);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		if (modes[i])
			assert_int_equal(connect_to(socket_path), 0);
		close(fd);
		assert_true(connect_to(socket_path) < 0);
	}
	umask(mask);
	unlink(socket_path);
	int fd = open(socket_path, O_WRONLY | O_CREAT, 0600);
	assert_return_code(fd, errno);
	close(fd);
	assert_int_equal(instance_listen(socket_path, 0600), -EADDRINUSE);
	assert_return_code(stat(socket_path, &status), errno);
	assert_true(S_ISREG(status.st_mode));
	unlink(socket_path);
	assert_int_equal(instance_listen("/nowhere/at/all/socket", 0600), -ENOENT);
}

/* What a daemon leaves when it is killed: a board, a set of semaphores and segments. */
struct remains {
	struct instance instance;
	struct board board;
	struct accounts accounts;
	struct semaphores semaphores;
	struct semaphore semaphore;
	char segment[64];
};

static void leave(struct remains *remains)
{
	static const uint64_t limits[RESOURCE_COUNT] = {[RESOURCE_SETS] = 2};
	*remains = (struct remains){0};
	assert_int_equal(random_hex(remains->instance.identity.id, 8), 0);
	assert_int_equal(board_open(&remains->board, remains->instance.identity.id), 0);
	accounts_init(&remains->accounts, limits);
	semaphores_init(&remains->semaphores, &remains->board, &remains->accounts, false);
	assert_int_equal(
		semaphore_take(&remains->semaphores, 5, SHARE_PRIVATE, 5, &remains->semaphore), 0);
	snprintf(remains->segment, sizeof(remains->segment), "/shmimg-%s-0123456789",
		remains->instance.identity.id);
	int fd = shm_open(remains->segment, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_return_code(fd, errno);
	close(fd);
}

static bool exists(const char *name)
{
	int fd = shm_open(name, O_RDONLY, 0);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void assert_remains(const struct remains *remains, bool there)
{
	assert_int_equal(exists(remains->segment), there);
	assert_int_equal(exists(remains->board.name), there);
	assert_int_equal(semctl(remains->semaphore.id, 0, GETVAL) >= 0, there);
}

static void test_clean(void **state)
{
	struct remains mine, others;
	(void)state;
	leave(&mine);
	leave(&others);
	assert_remains(&mine, true);
	assert_int_equal(instance_clean(&mine.instance), 0);
	assert_remains(&mine, false);
	assert_remains(&others, true);
	assert_int_equal(instance_clean(&mine.instance), 0); /* nothing is there any more */
	assert_int_equal(instance_clean(&others.instance), 0);
	assert_remains(&others, false);
	semaphores_destroy(&mine.semaphores);
	semaphores_destroy(&others.semaphores);
	board_destroy(&mine.board);
	board_destroy(&others.board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_good_options),
		cmocka_unit_test(test_user_limits),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_socket_option),
		cmocka_unit_test(test_runtime_folder_with_a_long_path),
		cmocka_unit_test(test_claim),
		cmocka_unit_test(test_identity_of_one_that_was_killed),
		cmocka_unit_test(test_strange_lock_files),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_planted_lock_files),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_clean),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
