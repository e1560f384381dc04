/*
 * Tests of mounts: which types a program or another machine serves, and what is found in lists of
 * mounts, in valid and in invalid ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "daemon/file/mount.h"
#include "tests/unit/unit.h"

static void test_types(void **state)
{
	static const char *const served[] = {"fuse", "fuse.sshfs", "fuse.a.b", "fuse.", "fuseblk",
		"fuseblk.ntfs", "nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "coda",
		"autofs", "virtiofs"};
	static const char *const others[] = {"", ".", "ext4", "tmpfs", "overlay", "btrfs", "xfs",
		"fus", "fusectl", "fuse-overlay", "nfsd", "nfs44", "cif", "9", "9p2", "xfuse",
		"proc", "rootfs", "none", "FUSE", ".fuse"};
	(void)state;
	for (size_t i = 0; i < COUNT(served); i++)
		assert_true(mount_type_is_served(served[i]));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(mount_type_is_served(others[i]));
}

static int find(const char *text, uint64_t id)
{
	FILE *list = fmemopen((char *)(uintptr_t)text, strlen(text), "r");
	assert_non_null(list);
	int r = mount_find_served(list, id);
	fclose(list);
	return r;
}

static void test_list(void **state)
{
	static const char text[] =
		"22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
		"28 1 254:0 / / rw,relatime shared:1 master:2 propagate_from:3 - ext4 /dev/a rw\n"
		"220 28 0:51 / /mnt\\040-\\040nfs rw - tmpfs a rw\n"
		"221 28 0:52 / /home/anna/\\011\\012\\134 rw - fuse.sshfs anna@b:/\\040c rw,a=b\n"
		"222 28 0:53 /a /mnt/b rw shared:1 - nfs4 server:/a rw,vers=4.2\n"
		"223 28 0:54 / /mnt/c rw - fuse - rw\n"
		"18446744073709551615 28 0:55 / /d rw - cifs //a/b rw\n"
		"224 28 0:56 / /mnt/e rw - tmpfs - - fuse\n"
		"225 28 0:57 / /mnt/last rw - 9p tag";
	(void)state;
	assert_int_equal(find(text, 22), 0);
	assert_int_equal(find(text, 28), 0);
	assert_int_equal(find(text, 220), 0);
	assert_int_equal(find(text, 221), 1);
	assert_int_equal(find(text, 222), 1);
	assert_int_equal(find(text, 223), 1);
	assert_int_equal(find(text, 224), 0);
	assert_int_equal(find(text, 225), 1);
	assert_int_equal(find(text, UINT64_MAX), 1);
	assert_int_equal(find(text, 2), -ENOENT);
	assert_int_equal(find(text, 226), -ENOENT);
	assert_int_equal(find(text, 0), -ENOENT);
}

static void test_invalid_lists(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{"\n", -ENOENT},
		{"\n\n1 - fuse\n", 1},
		{"1\n", -ENOENT},
		{"1 \n", -EBADMSG},
		{"1 -\n", -EBADMSG},
		{"1 - \n", -EBADMSG},
		{"1 -  fuse\n", -EBADMSG},
		{"1 2 0:1 / / rw fuse\n", -EBADMSG},
		{"1 2 0:1 / / rw -fuse a rw\n", -EBADMSG},
		{"1 2 0:1 / / rw - fuse", 1},
		{"+1 - fuse\n", -ENOENT},
		{"-1 - fuse\n", -ENOENT},
		{" 1 - fuse\n", -ENOENT},
		{"0x1 - fuse\n", -ENOENT},
		{"1a - fuse\n", -ENOENT},
		{"18446744073709551617 - fuse\n", -ENOENT},
		{"one - fuse\n1 - ext4\n", 0},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(find(cases[i].text, 1), cases[i].result);
}

static void test_long_lines(void **state)
{
	enum { LONG = 1 << 20 };
	char *text = malloc(LONG + 100);
	(void)state;
	memset(text, 'a', LONG);
	memcpy(text, "7 1 0:1 / /", 11);
	strcpy(text + LONG, " rw - fuse.a b rw\n8 1 0:2 / /b rw - tmpfs c rw\n");
	assert_int_equal(find(text, 7), 1);
	assert_int_equal(find(text, 8), 0);
	assert_int_equal(find(text, 9), -ENOENT);
	free(text);
}

static void test_unreadable_list(void **state)
{
	(void)state;
	FILE *list = fopen("/", "r");
	assert_non_null(list);
	assert_int_equal(mount_find_served(list, 1), -EISDIR);
	fclose(list);
}

/* Folders of every machine, and an invalid descriptor. */
static void test_walks(void **state)
{
	static const char *const folders[] = {"/", "/proc", "/", "/dev", "/dev/shm"};
	struct mount_walk walk = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(folders); i++) {
		int fd = open(folders[i], O_PATH | O_CLOEXEC);
		assert_int_equal(mount_walk_check(&walk, fd), 0);
		close(fd);
	}
	assert_int_equal(mount_walk_check(&walk, -1), -EBADF);
}

/* Also the first folder of a walk is checked. */
static void test_walk_that_begins_at_a_served_one(void **state)
{
	char folder[] = "/tmp/test-mount-XXXXXX", options[64];
	(void)state;
	int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device < 0 || unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		print_message("only root can mount a FUSE file system\n");
		skip();
	}
	assert_non_null(mkdtemp(folder));
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	assert_return_code(mount("test", folder, "fuse", 0, options), errno);
	int fd = open(folder, O_PATH | O_CLOEXEC), root = open("/", O_PATH | O_CLOEXEC);
	for (unsigned i = 0; i < 2; i++) {
		struct mount_walk served = {0}, local = {0};
		assert_int_equal(mount_walk_check(&served, fd), -EREMOTE);
		assert_int_equal(mount_walk_check(&local, root), 0);
		assert_int_equal(mount_walk_check(&local, fd), -EREMOTE);
	}
	close(fd);
	close(root);
	assert_return_code(umount2(folder, MNT_DETACH), errno);
	close(device);
	assert_return_code(rmdir(folder), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_invalid_lists),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_unreadable_list),
		cmocka_unit_test(test_walks),
		cmocka_unit_test(test_walk_that_begins_at_a_served_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
