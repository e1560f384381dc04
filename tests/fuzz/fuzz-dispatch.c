/*
 * Fuzzes the daemon from its connections to its segments and semaphores: clients of three users,
 * decoders that are puppets. An input is a text, and the table in this file says what each line
 * does. Invariants are checked after each line, and at the end nothing may be left.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/client.h"
#include "tests/fuzz/puppet.h"
#include "tests/fuzz/target.h"

enum {
	CLIENTS = 4,
	FILES = 3,
	LINES_MAX = 200,
	TURNS_MAX = 10000,
	ROUNDS_MAX = 1000,
	ANNA = 1001,
	BERT = 1002,
	BOTH = 1003,
};

static struct world world;
static struct client clients[CLIENTS];
static int files[FILES];

/* ---- The daemon's loop ---- */

static void settle(void)
{
	bool more = true;
	for (int i = 0; more; i++) {
		must(i < TURNS_MAX);
		more = sd_event_run(world.event, 0) > 0;
		for (unsigned k = 0; k < CLIENTS; k++)
			more = client_turn(&clients[k]) || more;
	}
}

/* What the store holds is what its users are charged for. */
static void check(void)
{
	static const uid_t users[] = {ANNA, BERT};
	const struct engine *engine = &world.engine;
	uint64_t bytes = accounts_used(&engine->accounts, geteuid(), RESOURCE_BYTES);
	uint64_t images = accounts_used(&engine->accounts, geteuid(), RESOURCE_IMAGES);
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		bytes += accounts_used(&engine->accounts, users[i], RESOURCE_BYTES);
		images += accounts_used(&engine->accounts, users[i], RESOURCE_IMAGES);
	}
	must(bytes == engine->store.bytes + engine->store.reserved);
	must(images >= engine->store.image_count);
	must(engine->store.bytes <= engine->store.memory_max);
	must(engine->pool.count <= engine->options->decoders);
	must(store_pinned_bytes(&engine->store) <= engine->store.bytes);
}

/* ---- Lines of the input ---- */

static int open_file(char kind)
{
	int ends[2];
	switch (kind) {
	case 'd':
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case 'p':
		must(pipe2(ends, O_CLOEXEC) == 0);
		close(ends[1]);
		return ends[0];
	case 'w':
		return open("/dev/null", O_WRONLY | O_CLOEXEC);
	default:
		return fcntl(files[(uint8_t)kind % FILES], F_DUPFD_CLOEXEC, 0);
	}
}

static void send_much(struct client *client, uint8_t byte)
{
	uint8_t text[4000];
	memset(text, byte, sizeof(text));
	client_send(client, text, sizeof(text));
}

static void change_file(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	must(end >= 0 && ftruncate(fd, end + 1) == 0);
}

/* All decoders do what they should, until there is nothing to do. */
static void serve(void)
{
	bool more = true;
	for (int i = 0; more; i++) {
		must(i < ROUNDS_MAX);
		more = false;
		for (unsigned k = 0; k < PUPPETS_MAX; k++) {
			struct puppet *puppet = puppet_find(k);
			more = (puppet && puppet_serve(puppet)) || more;
		}
		settle();
	}
}

static void direct(struct puppet *puppet, const uint8_t *text, size_t size)
{
	unsigned number = size > 1 ? text[1] : 0;
	switch (size > 0 ? text[0] : 0) {
	case 'r':
		puppet_send_ready(puppet);
		break;
	case 'h':
		puppet_send_header(puppet, 1u << number % 8, 1);
		break;
	case 'o':
		puppet_send_header(puppet, 8, number % 10);
		break;
	case 'f':
		puppet_fill(puppet);
		break;
	case 'd':
		puppet_send_done(puppet);
		break;
	case 'e':
		puppet_send_error(puppet, number % 16);
		break;
	case 't':
		puppet_expire(puppet, &world.engine.pool);
		break;
	case 'b':
		puppet_send(puppet, text, size);
		break;
	default:
		puppet_exit(puppet);
	}
}

/*
 * 0TEXT to 3TEXT   a client sends TEXT and a newline
 * <nTEXT           client n sends TEXT alone
 * lnC              client n sends 4000 times C
 * fnK              client n attaches a file of kind K to what it sends next
 * rn  en  cn       client n reads; ends what it sends; goes away
 * dnX              decoder n does X, as direct() has it
 * mK               file K changes
 * w                all decoders do all there is to do
 */
static void run_line(uint8_t *text, size_t size)
{
	unsigned number = size > 1 ? text[1] : 0;
	struct client *client = &clients[number % CLIENTS];
	uint8_t verb = text[0];
	text[size] = '\n';
	if (verb >= '0' && verb < '0' + CLIENTS)
		client_send(&clients[verb - '0'], text + 1, size);
	else if (verb == '<' && size > 2)
		client_send(client, text + 2, size - 2);
	else if (verb == 'l')
		send_much(client, size > 2 ? text[2] : 'a');
	else if (verb == 'f')
		client_attach(client, open_file(size > 2 ? (char)text[2] : 0));
	else if (verb == 'r')
		client_read(client);
	else if (verb == 'e')
		client_finish(client);
	else if (verb == 'c')
		client_leave(client);
	else if (verb == 'd' && size > 2 && puppet_find(number))
		direct(puppet_find(number), text + 2, size - 2);
	else if (verb == 'm')
		change_file(files[number % FILES]);
	else if (verb == 'w')
		serve();
	settle();
	check();
}

static void begin(void)
{
	static const uint64_t limits[RESOURCE_COUNT] = {
		[RESOURCE_CONNECTIONS] = 1,
		[RESOURCE_IMAGES] = 3,
		[RESOURCE_BYTES] = 32 << 10,
		[RESOURCE_LOADS] = 2,
		[RESOURCE_PINS] = 2,
	};
	world_open(&world, NULL);
	memcpy(world.options.user_limits, limits, sizeof(limits));
	world.options.max_pixels = 64 * 64;
	world.engine.store.memory_max = 48 << 10;
	world.options.decode_timeout = 3600;
	client_init(&clients[0], &world, geteuid(), getegid());
	client_init(&clients[1], &world, geteuid(), getegid());
	client_init(&clients[2], &world, ANNA, BOTH);
	client_init(&clients[3], &world, BERT, BOTH);
	for (int i = 0; i < FILES; i++)
		files[i] = world_file("x");
}

/* Who goes on reading gets all answers, once the decoders have done their work. */
static void answer_all(void)
{
	bool more = true;
	for (int i = 0; more; i++) {
		must(i < ROUNDS_MAX);
		more = false;
		serve();
		for (unsigned k = 0; k < CLIENTS; k++)
			more = client_read(&clients[k]) || more;
	}
	for (unsigned k = 0; k < CLIENTS; k++)
		must(client_is_content(&clients[k]));
}

static void end(void)
{
	answer_all();
	for (int i = 0; i < CLIENTS; i++)
		client_leave(&clients[i]);
	settle();
	check();
	for (int i = 0; i < CLIENTS; i++)
		must(!clients[i].connection);
	for (int i = 0; i < FILES; i++)
		close(files[i]);
	world_close(&world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *text = malloc(size + 1);
	must(text);
	if (size > 0)
		memcpy(text, data, size);
	begin();
	uint8_t *line = text;
	for (int i = 0; i < LINES_MAX && line < text + size; i++) {
		uint8_t *newline = memchr(line, '\n', (size_t)(text + size - line));
		size_t length = (size_t)((newline ? newline : text + size) - line);
		if (length > 0)
			run_line(line, length);
		line += length + 1;
	}
	end();
	free(text);
	return 0;
}
