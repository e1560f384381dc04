/*
 * Fuzzes the channel between daemon and decoder, from both ends. An input begins with a byte that
 * says which end it plays, and of which kind segments are. Then come packets: a byte of length, a
 * byte with the number of descriptors, and the beginning of the packet, to which zeros are added up
 * to the size of its kind.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/decode.h"
#include "tests/fuzz/puppet.h"
#include "tests/fuzz/target.h"
#include "tests/unit/world.h"

enum { PACKETS_MAX = 48, FDS_MAX = 3, TURNS_MAX = 1000, SPEAKS_DECODER = 1, READ_ONLY = 2 };

static const size_t sizes[] = {
	[JOB_DECODE] = sizeof(struct job_decode),
	[JOB_SEGMENT] = sizeof(struct job_segment),
	[JOB_REFUSE] = sizeof(struct job_signal),
	[JOB_FREE] = sizeof(struct job_signal),
	[JOB_READY] = sizeof(struct job_ready),
	[JOB_HEADER] = sizeof(struct job_header),
	[JOB_DONE] = sizeof(struct job_signal),
	[JOB_ERROR] = sizeof(struct job_error),
	[JOB_SPARE] = sizeof(struct job_spare),
	[JOB_NO_SPARE] = sizeof(struct job_signal),
	[JOB_LAST] = sizeof(struct job_signal),
};

struct packet {
	size_t size;
	unsigned fds;
	uint8_t bytes[sizeof(union job_packet) + 4];
};

/* Length 0 stands for the right one of the kind. */
static struct packet take_packet(struct fuzz_input *input)
{
	struct packet packet = {0};
	uint32_t kind;
	size_t length = take_byte(input);
	packet.fds = take_byte(input) % (FDS_MAX + 1);
	take_bytes(input, packet.bytes, length % 128);
	memcpy(&kind, packet.bytes, sizeof(kind));
	if (length >= 128)
		packet.size = length % 128;
	else if (kind < sizeof(sizes) / sizeof(sizes[0]))
		packet.size = sizes[kind];
	else
		packet.size = sizeof(packet.bytes);
	return packet;
}

/* ---- What the decoder makes of what the daemon says ---- */

static int make_file(void)
{
	static const char text[] =
		"/* XPM */\nstatic char *x[] = {\"9 5 1 1\", \"a c red\",\n"
		"\"aaaaaaaaa\",\"aaaaaaaaa\",\"aaaaaaaaa\",\"aaaaaaaaa\",\"aaaaaaaaa\"};";
	int fd = memfd_create("input", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
	return fd;
}

/* One that cannot be reserved, if it is read-only. */
static int make_segment(bool read_only)
{
	char path[64];
	int fd = memfd_create("segment", MFD_CLOEXEC);
	must(fd >= 0 && ftruncate(fd, 8192) == 0);
	if (!read_only)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int again = open(path, O_RDONLY | O_CLOEXEC);
	must(again >= 0);
	close(fd);
	return again;
}

static void speak_as_daemon(struct fuzz_input *input, bool read_only)
{
	struct exchange exchange;
	union job_packet answer;
	int ends[2];
	must(pipe(ends) == 0);
	int fds[FDS_MAX] = {make_file(), make_segment(read_only), ends[0]};
	exchange_begin(&exchange);
	for (int i = 0; i < PACKETS_MAX && input->size > 0; i++) {
		struct packet packet = take_packet(input);
		int first = packet.bytes[0] == JOB_SEGMENT;
		const int given[FDS_MAX] = {fds[first], fds[2], fds[!first]};
		exchange_send(&exchange, packet.bytes, packet.size, given, packet.fds);
	}
	exchange_serve(&exchange);
	while (exchange_answer(&exchange, &answer))
		;
	exchange_end(&exchange);
	for (int i = 0; i < FDS_MAX; i++)
		close(fds[i]);
	close(ends[1]);
}

/* ---- What the daemon makes of what a decoder says ---- */

static void settle(struct world *world)
{
	int turns = 0;
	while (sd_event_run(world->event, 0) > 0)
		must(++turns < TURNS_MAX);
}

/* Asks for the next file, so that there is work. */
static void load(
	struct world *world, struct session *session, struct answer *answer, unsigned *loads)
{
	static const char *const lines[] = {"LOAD source=fd name=a",
		"LOAD source=fd name=b format=native pin=no", "LOAD source=fd name=a share=all"};
	const char *line = lines[(*loads)++ % 3];
	if (world_call(session, answer, line, world_file("x")) == OUTCOME_DONE)
		answer->reply.completed = true;
	settle(world);
}

static void speak_as_decoder(struct fuzz_input *input)
{
	static struct world world;
	static struct answer answer;
	unsigned loads = 0;
	world_open(&world, NULL);
	world.options.decode_timeout = 3600;
	world.options.max_pixels = 1 << 18; /* enough for a spare */
	world.options.spare_max = 1 << 23;
	world.options.max_pixels_per_byte = 1 << 18;
	world.options.decoders = 1;
	struct session *session = world_session(&world, geteuid(), getegid());
	load(&world, session, &answer, &loads);
	for (unsigned i = 0; i < PACKETS_MAX && input->size > 0; i++) {
		struct packet packet = take_packet(input);
		if (answer.reply.completed)
			load(&world, session, &answer, &loads);
		struct puppet *puppet = puppet_find(packet.fds);
		if (!puppet)
			continue;
		if (packet.bytes[0] == JOB_DONE)
			puppet_fill(puppet);
		puppet_send(puppet, packet.bytes, packet.size);
		settle(&world);
	}
	session_close(session);
	world_close(&world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint8_t switches = take_byte(&input);
	if (switches & SPEAKS_DECODER)
		speak_as_decoder(&input);
	else
		speak_as_daemon(&input, switches & READ_ONLY);
	return 0;
}
