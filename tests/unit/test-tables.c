/*
 * The tables of the protocol: commands with their keys, error codes, pixel formats, shares
 * and lifetimes. Tests that each is found by its word, that words differ, and that unknown
 * words are refused.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/protocol/command.h"
#include "client/protocol/fault.h"
#include "client/protocol/format.h"
#include "client/protocol/keep.h"
#include "client/protocol/share.h"

static enum request_fault parse(const char *text, struct request *request, const char **culprit)
{
	static char copy[256];
	static struct wire_line line;
	assert_true(strlen(text) < sizeof(copy));
	memcpy(copy, text, strlen(text) + 1);
	assert_null(wire_parse(copy, strlen(copy), &line));
	return request_parse(&line, request, culprit);
}

static void expect_fault(const char *text, enum request_fault fault, const char *culprit)
{
	struct request request;
	const char *found = NULL;
	assert_int_equal(parse(text, &request, &found), fault);
	assert_string_equal(found, culprit);
}

static void commands_are_found(void **state)
{
	(void)state;
	for (int i = 0; i < COMMAND_COUNT; i++)
		assert_int_equal(command_from_string(command_table[i].verb), i);
}

static void other_verbs_are_not(void **state)
{
	(void)state;
	assert_int_equal(command_from_string("load"), -1);
	assert_int_equal(command_from_string("LOADS"), -1);
	assert_int_equal(command_from_string("LOA"), -1);
	assert_int_equal(command_from_string(""), -1);
}

static void commands_say_what_they_do(void **state)
{
	(void)state;
	for (int i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &command_table[i];
		assert_true(strlen(command->help) > 10);
		assert_int_equal(command->required & command->optional, 0);
		assert_int_equal((command->required | command->optional) >> KEY_COUNT, 0);
		assert_int_equal(strlen(command->word), strlen(command->verb));
		for (size_t c = 0; command->verb[c]; c++)
			assert_int_equal(command->word[c], command->verb[c] | 0x20);
	}
}

static void keys_differ(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KEY_COUNT; i++) {
		assert_true(strlen(key_synopsis(i)) > 0);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(key_to_string(i), key_to_string(j));
	}
}

/* Every key is taken by the commands that the table gives it to, and by no other. */
static void each_command_takes_its_keys(void **state)
{
	(void)state;
	for (unsigned id = 0; id < COMMAND_COUNT; id++) {
		const struct command *command = &command_table[id];
		for (unsigned key = 0; key < KEY_COUNT; key++) {
			struct wire_line line = {.verb = command->verb, .count = 1};
			line.fields[0] = (struct wire_field){key_to_string(key), "v"};
			struct request request;
			const char *culprit;
			enum request_fault fault = request_parse(&line, &request, &culprit);
			unsigned known = command->required | command->optional | KEY_COMMON;
			bool refused = !(known & 1u << key) && id != COMMAND_HELLO;
			assert_int_equal(fault == REQUEST_UNKNOWN_KEY, refused);
		}
	}
}

static void good_request(void **state)
{
	(void)state;
	struct request request;
	const char *culprit;
	assert_int_equal(parse("FETCH name=a%20b format=RGB8", &request, &culprit), REQUEST_GOOD);
	assert_int_equal(request.command, COMMAND_FETCH);
	assert_string_equal(request.values[KEY_NAME], "a b");
	assert_string_equal(request.values[KEY_FORMAT], "RGB8");
	assert_null(request.values[KEY_OWNER]);
	assert_null(request.values[KEY_FD]);
}

static void unknown_verb(void **state)
{
	(void)state;
	expect_fault("FETCHED name=a", REQUEST_UNKNOWN_VERB, "FETCHED");
	expect_fault("OK", REQUEST_UNKNOWN_VERB, "OK");
}

static void unknown_key(void **state)
{
	(void)state;
	expect_fault("FETCH name=a colour=red", REQUEST_UNKNOWN_KEY, "colour");
	expect_fault("DROP name=a path=/b", REQUEST_UNKNOWN_KEY, "path");
	expect_fault("STATS name=a", REQUEST_UNKNOWN_KEY, "name");
	expect_fault("STATS x=a", REQUEST_UNKNOWN_KEY, "x");
}

static void common_keys(void **state)
{
	(void)state;
	struct request request;
	const char *culprit;
	char id[ID_LENGTH_MAX + 2], text[128];
	assert_int_equal(
		parse("STATS id=a%20~ quiet=ok x-y=z x-=", &request, &culprit), REQUEST_GOOD);
	assert_string_equal(request.values[KEY_ID], "a ~");
	assert_int_equal(parse("HELLO colour=red y=", &request, &culprit), REQUEST_GOOD);
	memset(id, 'i', sizeof(id));
	id[ID_LENGTH_MAX + 1] = '\0';
	snprintf(text, sizeof(text), "STATS id=%s", id + 1);
	assert_int_equal(parse(text, &request, &culprit), REQUEST_GOOD);
	snprintf(text, sizeof(text), "STATS id=%s", id);
	expect_fault(text, REQUEST_INVALID_ID, "id");
	expect_fault("STATS id=", REQUEST_INVALID_ID, "id");
	expect_fault("STATS id=%7f", REQUEST_INVALID_ID, "id");
	expect_fault("FROB id=%c3%a4", REQUEST_INVALID_ID, "id");
	expect_fault("STATS quiet=yes", REQUEST_INVALID_QUIET, "quiet");
	expect_fault("CANCEL", REQUEST_MISSING_KEY, "id");
	/* What is wrong elsewhere leaves the id readable. */
	assert_int_equal(parse("FROB id=7 quiet=no", &request, &culprit), REQUEST_UNKNOWN_VERB);
	assert_string_equal(request.values[KEY_ID], "7");
	assert_string_equal(culprit, "FROB");
}

static void missing_key(void **state)
{
	(void)state;
	expect_fault("FETCH", REQUEST_MISSING_KEY, "name");
	expect_fault("DROP owner=0", REQUEST_MISSING_KEY, "name");
	expect_fault("RELEASE generation=1", REQUEST_MISSING_KEY, "name");
}

static void faults_are_found(void **state)
{
	(void)state;
	for (int i = FAULT_NONE + 1; i < FAULT_COUNT; i++) {
		enum fault fault = (enum fault)i;
		assert_int_equal(fault_from_string(fault_to_string(fault)), fault);
		assert_true(fault_errno(fault) > 0);
		assert_true(strlen(fault_advice(fault)) > 10);
		assert_false(fault_is_advised(fault_advice(fault)));
		for (int j = FAULT_NONE + 1; j < i; j++)
			assert_int_not_equal(fault_errno(fault), fault_errno((enum fault)j));
	}
}

static void other_words_are_no_fault(void **state)
{
	(void)state;
	assert_int_equal(fault_from_string(""), FAULT_NONE);
	assert_int_equal(fault_from_string("not-foun"), FAULT_NONE);
	assert_int_equal(fault_from_string("NOT-FOUND"), FAULT_NONE);
	assert_int_equal(fault_errno(FAULT_NONE), 0);
	assert_string_equal(fault_to_string(FAULT_NONE), "");
}

static void messages_are_advised_once(void **state)
{
	(void)state;
	assert_true(fault_is_advised("the path is too long; use a shorter path"));
	assert_false(fault_is_advised("the path is too long"));
	assert_false(fault_is_advised("a;b"));
	assert_false(fault_is_advised(""));
}

/* What shmimg.h promises C programs. */
static void faults_have_their_errno(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		int number;
	} expected[] = {
		{"not-found", ENOENT},
		{"no-permission", EACCES},
		{"invalid-argument", EINVAL},
		{"not-an-image", EILSEQ},
		{"too-large", EFBIG},
		{"no-space", ENOSPC},
		{"over-quota", EDQUOT},
		{"busy", EBUSY},
		{"timeout", ETIMEDOUT},
		{"decoder-failed", EIO},
		{"unsupported", ENOTSUP},
		{"cancelled", ECANCELED},
		{"protocol", EPROTO},
		{"internal", EREMOTEIO},
	};
	assert_int_equal(COUNT(expected), FAULT_COUNT - 1);
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_int_equal(
			fault_errno(fault_from_string(expected[i].word)), expected[i].number);
}

static void formats_are_found(void **state)
{
	(void)state;
	for (int i = FORMAT_NATIVE + 1; i < FORMAT_COUNT; i++) {
		enum format format = (enum format)i;
		assert_int_equal(format_from_string(format_to_string(format)), i);
		assert_in_range(format_pixel_bytes(format), 1, 8);
		for (int j = FORMAT_NATIVE + 1; j < i; j++)
			assert_true(format_fourcc(format) != format_fourcc((enum format)j));
	}
}

static void native_is_a_format_of_requests(void **state)
{
	(void)state;
	assert_int_equal(format_from_string("native"), FORMAT_NATIVE);
	assert_string_equal(format_to_string(FORMAT_NATIVE), "native");
	assert_int_equal(format_pixel_bytes(FORMAT_NATIVE), 0);
}

static void other_words_are_no_format(void **state)
{
	(void)state;
	assert_int_equal(format_from_string("rgba8"), -EINVAL);
	assert_int_equal(format_from_string("RGBA"), -EINVAL);
	assert_int_equal(format_from_string(""), -EINVAL);
	assert_null(format_to_string(FORMAT_COUNT));
	assert_null(format_to_string((enum format) - 1));
	assert_int_equal(format_pixel_bytes(FORMAT_COUNT), 0);
	assert_int_equal(format_fourcc(FORMAT_COUNT), 0);
}

/* The numbers are in segments and in programs: they may never change. */
static void formats_keep_their_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		int number;
		unsigned bytes;
		uint32_t fourcc;
	} expected[] = {
		{"RGBA8", 1, 4, 0x34324241},
		{"BGRA8-premul", 2, 4, 0x34325241},
		{"RGB8", 3, 3, 0x34324742},
		{"GRAY8", 4, 1, 0x20203852},
		{"RGBA16", 5, 8, 0x38344241},
		{"GRAY16", 6, 2, 0x20363152},
	};
	assert_int_equal(COUNT(expected), FORMAT_COUNT - 1);
	for (size_t i = 0; i < COUNT(expected); i++) {
		enum format format = (enum format)expected[i].number;
		assert_int_equal(format_from_string(expected[i].word), format);
		assert_int_equal(format_pixel_bytes(format), expected[i].bytes);
		assert_int_equal(format_fourcc(format), expected[i].fourcc);
	}
}

/* By a file with all that the native format holds, and by one that fills another. */
static void formats_keep_what_is_asked(void **state)
{
	(void)state;
	static const struct {
		const char *native, *from, *kept;
	} expected[] = {
		{"RGBA8", "RGBA8", "RGBA8 BGRA8-premul RGB8 RGBA16"},
		{"RGBA8", "BGRA8-premul", "BGRA8-premul"},
		{"RGBA8", "RGB8", "RGB8"},
		{"RGBA8", "GRAY8", "GRAY8"},
		{"RGBA8", "RGBA16", "RGBA8 BGRA8-premul RGB8 RGBA16"},
		{"RGB8", "RGBA8", "RGBA8 BGRA8-premul RGB8 RGBA16"},
		{"RGB8", "BGRA8-premul", "RGBA8 BGRA8-premul RGB8 RGBA16"},
		{"RGB8", "RGB8", "RGBA8 BGRA8-premul RGB8 RGBA16"},
		{"RGB8", "GRAY16", "GRAY16"},
		{"GRAY8", "GRAY8", "RGBA8 BGRA8-premul RGB8 GRAY8 RGBA16 GRAY16"},
		{"GRAY8", "RGB8", "RGBA8 BGRA8-premul RGB8 GRAY8 RGBA16 GRAY16"},
		{"RGBA16", "RGBA8", "RGBA8 RGB8"},
		{"RGBA16", "RGBA16", "RGBA8 BGRA8-premul RGB8 RGBA16"},
		{"RGBA16", "GRAY8", "GRAY8"},
		{"GRAY16", "GRAY8", "RGBA8 BGRA8-premul RGB8 GRAY8"},
		{"GRAY16", "GRAY16", "RGBA8 BGRA8-premul RGB8 GRAY8 RGBA16 GRAY16"},
		{"RGB8", "native", ""},
	};
	for (size_t i = 0; i < COUNT(expected); i++) {
		char kept[128] = "";
		for (int to = FORMAT_NATIVE; to < FORMAT_COUNT; to++) {
			if (!format_keeps((enum format)format_from_string(expected[i].from),
				    (enum format)to,
				    (enum format)format_from_string(expected[i].native)))
				continue;
			strcat(kept, *kept ? " " : "");
			strcat(kept, format_to_string((enum format)to));
		}
		assert_string_equal(kept, expected[i].kept);
	}
}

static void shares_are_found(void **state)
{
	(void)state;
	for (int share = SHARE_PRIVATE; share <= SHARE_ALL; share++)
		assert_int_equal(share_from_string(share_to_string((enum share)share)), share);
	static const char *const wrong[] = {"", "privat", "privates", "ALL", "Group"};
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(share_from_string(wrong[i]), -EINVAL);
}

static void lifetimes_are_found(void **state)
{
	(void)state;
	for (int keep = KEEP_CACHE; keep <= KEEP_ATTACHED; keep++)
		assert_int_equal(keep_from_string(keep_to_string((enum keep)keep)), keep);
	static const char *const wrong[] = {"", "Cache", "cach", "caches", "PINNED"};
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(keep_from_string(wrong[i]), -EINVAL);
}

/* The numbers are in segments and in programs: they may never change. */
static void shares_and_lifetimes_keep_their_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *share, *keep;
	} expected[] = {{"private", "cache"}, {"group", "pinned"}, {"all", "attached"}};
	for (int i = 0; i < (int)COUNT(expected); i++) {
		assert_int_equal(share_from_string(expected[i].share), i);
		assert_int_equal(keep_from_string(expected[i].keep), i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_found),
		cmocka_unit_test(other_verbs_are_not),
		cmocka_unit_test(commands_say_what_they_do),
		cmocka_unit_test(keys_differ),
		cmocka_unit_test(each_command_takes_its_keys),
		cmocka_unit_test(good_request),
		cmocka_unit_test(unknown_verb),
		cmocka_unit_test(unknown_key),
		cmocka_unit_test(common_keys),
		cmocka_unit_test(missing_key),
		cmocka_unit_test(faults_are_found),
		cmocka_unit_test(other_words_are_no_fault),
		cmocka_unit_test(messages_are_advised_once),
		cmocka_unit_test(faults_have_their_errno),
		cmocka_unit_test(formats_are_found),
		cmocka_unit_test(native_is_a_format_of_requests),
		cmocka_unit_test(other_words_are_no_format),
		cmocka_unit_test(formats_keep_their_numbers),
		cmocka_unit_test(formats_keep_what_is_asked),
		cmocka_unit_test(shares_are_found),
		cmocka_unit_test(lifetimes_are_found),
		cmocka_unit_test(shares_and_lifetimes_keep_their_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
