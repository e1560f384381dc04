/*
 * A folder of configuration files for tests.
 */
#include "tests/unit/config-folder.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

char config_folder[] = "/tmp/shmimg-configuration-XXXXXX";
char config_file[CONFIG_PATH_SIZE], config_folder_d[CONFIG_PATH_SIZE];
struct configuration config_read;
char config_log[1 << 16];

void config_put_bytes(const char *path, const char *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

void config_put(const char *path, const char *text)
{
	config_put_bytes(path, text, strlen(text));
}

void config_put_drop_in(const char *name, const char *text)
{
	char path[2 * CONFIG_PATH_SIZE];
	snprintf(path, sizeof(path), "%s/%s", config_folder_d, name);
	config_put(path, text);
}

int config_setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(config_folder));
	snprintf(config_file, sizeof(config_file), "%s/c", config_folder);
	snprintf(config_folder_d, sizeof(config_folder_d), "%s/c.d", config_folder);
	assert_return_code(setenv("XDG_CONFIG_HOME", config_folder, 1), errno);
	assert_return_code(setenv("D", config_folder, 1), errno);
	unsetenv("SHMIMG_SOCKET");
	return 0;
}

int config_teardown(void **state)
{
	(void)state;
	return system("rm -rf $D");
}

int config_clear(void **state)
{
	config_teardown(state);
	assert_return_code(mkdir(config_folder, 0700), errno);
	assert_return_code(mkdir(config_folder_d, 0700), errno);
	return 0;
}

int config_options(const char *first, const char *second, const char *third)
{
	static char arguments[4][128];
	static struct command_line line;
	const char *const given[] = {"shmimgd", first, second, third};
	char *argv[5] = {NULL};
	int argc = 0;
	for (; argc < 4 && given[argc]; argc++) {
		snprintf(arguments[argc], sizeof(arguments[0]), "%s", given[argc]);
		argv[argc] = arguments[argc];
	}
	FILE *log = tmpfile();
	int before = dup(STDERR_FILENO);
	dup2(fileno(log), STDERR_FILENO);
	optind = 0; /* getopt_long(3) begins anew */
	int r = command_line_read(&line, argc, argv);
	if (r == 0)
		r = configuration_read(&config_read, &line);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(log);
	config_log[fread(config_log, 1, sizeof(config_log) - 1, log)] = '\0';
	fclose(log);
	return r;
}

int config_options_of_file(void)
{
	return config_options("--config", config_file, "--socket=/s");
}

void config_assert_logged(const char *expected)
{
	char line[1024], *out = line;
	out += sprintf(out, "shmimgd: ");
	for (const char *in = expected; *in;) {
		if (strncmp(in, "FILE", 4) == 0) {
			out += sprintf(out, "%s", config_file);
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	strcpy(out, "\n");
	assert_string_equal(config_log, line);
}
