/*
 * Images from the daemon: load, fetch, release, drop.
 *
 * FETCH first looks into the mapping cache: an image whose generation is the newest on the board
 * is returned without a request. Otherwise, and for LOAD, the daemon's reply names a segment,
 * which is opened, checked and mapped by image.c. If that fails, the pin is released. The image
 * is added to the cache, and older generations of it are removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "client/lib/call.h"
#include "client/lib/cleanup.h"
#include "client/lib/client.h"
#include "client/lib/image.h"
#include "client/lib/options.h"
#include "client/lib/reconnect.h"
#include "client/lib/release.h"
#include "client/protocol/name.h"

/* Begins a call about a name: checks the options and the name. */
static int load_enter(struct shmimg_client *client, const char *name,
	const struct shmimg_options *given, struct shmimg_options *options)
{
	if (options_read(given, options) < 0)
		return client_fail(client, -EINVAL,
			"an option has an invalid value; libshmimg(3) lists the valid ones");
	const char *fault = name_check(name);
	if (fault)
		return client_fail(client, -EINVAL, "%s", fault);
	int r = call_enter(client);
	if (r == 0)
		client->call->subject = name;
	return r;
}

/* Sends a request whose reply is about an image, and reads the reply. */
static int load_ask(struct shmimg_client *client, struct wire_writer *writer, int fd, int *passed,
	const char *name, struct image_reply *reply)
{
	int r = call_ask(client, writer, fd, passed);
	if (r < 0)
		return r;
	const char *key = image_reply_read(&client->call->reply, name, reply);
	if (key)
		return client_lose(client, -EPROTO, "the daemon's reply has no valid %s=", key);
	return 0;
}

/* The image that a call is about. */
struct subject {
	const char *name;
	int64_t owner; /* as in options */
	struct box box;
};

/* The owner to name in later requests: SHMIMG_OWNER_ANY may find another image by then. */
static int64_t load_owner_of(const struct subject *subject, const struct image_reply *reply)
{
	return subject->owner == SHMIMG_OWNER_ANY ? reply->owner : subject->owner;
}

/*
 * Releases a pin after a failure, unless the client had the pin before. Keeps the message of the
 * failure. A pin ends with its connection, so this never makes a new one.
 */
static void load_release_pin(struct shmimg_client *client, const struct subject *subject,
	const struct image_reply *reply)
{
	struct client_failure before = client->call->failure;
	struct pinned what = image_reply_pinned(reply);
	if (client->state != CLIENT_OPEN || pins_find(&client->pins, &what))
		return;
	release(client, subject->name, load_owner_of(subject, reply), &what);
	client->call->failure = before;
}

/*
 * This process cannot open the segment by its name, for example in a container: asks the daemon
 * for a descriptor. If this reply is of a newer generation, the older pin is released.
 */
static int load_ask_descriptor(struct shmimg_client *client, const struct subject *subject,
	struct image_reply *reply, int *segment)
{
	struct image_reply old = *reply;
	struct wire_writer writer;
	call_begin(client, &writer, "FETCH");
	wire_add(&writer, "name", subject->name);
	options_add_owner_of(load_owner_of(subject, reply), &writer);
	wire_add(&writer, "format", format_to_string((enum format)reply->format));
	options_add_box(subject->box, &writer);
	wire_add(&writer, "fd", "yes");
	CLOSED int passed = -1;
	int r = load_ask(client, &writer, -1, &passed, subject->name, reply);
	if (r < 0 || strcmp(old.segment, reply->segment) != 0)
		load_release_pin(client, subject, &old);
	if (r < 0)
		return r;
	if (passed < 0) {
		load_release_pin(client, subject, reply);
		return client_fail(
			client, -EBADMSG, "the daemon did not send the segment's descriptor");
	}
	reply->cached = old.cached;
	*segment = passed;
	passed = -1;
	return 0;
}

/* Opens the segment of a reply. */
static int load_open_segment(struct shmimg_client *client, const struct subject *subject,
	struct image_reply *reply, int *segment)
{
	/* O_NONBLOCK: somebody may have made a FIFO of this name. Its type is checked later. */
	*segment = shm_open(reply->segment, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (*segment >= 0)
		return 0;
	if (errno == ENOENT || errno == EACCES)
		return load_ask_descriptor(client, subject, reply, segment);
	int error = errno;
	load_release_pin(client, subject, reply);
	return client_fail(client, -error, "cannot open %s: %s", reply->segment, strerror(error));
}

static int load_record_pin(struct shmimg_client *client, const shmimg_image *image)
{
	struct pinned what = image_pinned(image);
	return pins_add(&client->pins, image->name, image->header.owner, &what);
}

/* Maps the segment of a reply. */
static int load_map(struct shmimg_client *client, const struct subject *subject,
	struct image_reply *reply, shmimg_image **image)
{
	CLOSED int segment = -1;
	int r = load_open_segment(client, subject, reply, &segment);
	if (r < 0)
		return r;
	struct makers makers = {.peer = client->channel.peer, .reported = client->reported_uid};
	const char *fault;
	r = image_map(segment, subject->name, reply, &makers, image, &fault);
	if (r == 0 && (r = load_record_pin(client, *image)) < 0) {
		shmimg_unref(*image);
		*image = NULL;
		fault = "out of memory";
	}
	if (r == 0)
		return 0;
	load_release_pin(client, subject, reply);
	return client_fail(client, r, "%s", fault);
}

/* Releases an image that was in the cache, if the caller has no handle and so cannot do it. */
static void load_release_cached(struct shmimg_client *client, const shmimg_image *old)
{
	struct pinned what = image_pinned(old);
	struct pin *pin = image_is_shared(old) ? NULL : pins_find(&client->pins, &what);
	if (!pin)
		return;
	struct client_failure before = client->call->failure;
	pins_forget(&client->pins, pin);
	release(client, old->name, old->header.owner, &what);
	client->call->failure = before;
}

/* Removes older generations of an image from the cache, in every size. */
static void load_release_older(struct shmimg_client *client, const shmimg_image *image)
{
	shmimg_image *old;
	while ((old = mapping_cache_find_outdated(&client->cache, image))) {
		image_ref(old);
		mapping_cache_remove(&client->cache, old);
		load_release_cached(client, old);
		shmimg_unref(old);
	}
}

/* Sends LOAD or FETCH and maps the image of the reply. */
static int load_obtain(struct shmimg_client *client, struct wire_writer *writer, int fd,
	const struct subject *subject, shmimg_image **image)
{
	struct image_reply reply;
	int r = load_ask(client, writer, fd, NULL, subject->name, &reply);
	if (r < 0)
		return r;
	r = load_map(client, subject, &reply, image);
	if (r == 0 && client->board.header) {
		load_release_older(client, *image);
		mapping_cache_add(&client->cache, *image);
	}
	return r;
}

static int load_descriptor(shmimg_client *client, int fd, const char *name,
	const struct shmimg_options *given, shmimg_image **image)
{
	struct shmimg_options options;
	struct wire_writer writer;
	struct stat file;
	int r = load_enter(client, name, given, &options);
	if (r < 0)
		return r;
	if (options.follow == SHMIMG_FOLLOW)
		return client_fail(client, -EINVAL,
			"the daemon cannot follow an open file; load it by its path");
	if (fstat(fd, &file) < 0)
		return client_fail(client, -errno, "cannot read the status of the descriptor");
	if (!S_ISREG(file.st_mode))
		return client_fail(client, -EINVAL, "%s is not a regular file", name);
	call_begin(client, &writer, "LOAD");
	wire_add(&writer, "source", "fd");
	wire_add(&writer, "name", name);
	options_add_load(&options, &writer);
	const struct subject subject = {name, SHMIMG_OWNER_SELF, options_box(&options)};
	return load_obtain(client, &writer, fd, &subject, image);
}

/* Sends the path in place of the open file: the daemon follows the file by its path. */
static int load_path(shmimg_client *client, const char *path, const char *name,
	const struct shmimg_options *given, shmimg_image **image)
{
	struct shmimg_options options;
	struct wire_writer writer;
	int r = load_enter(client, name, given, &options);
	if (r < 0)
		return r;
	call_begin(client, &writer, "LOAD");
	wire_add(&writer, "path", path);
	wire_add(&writer, "name", name);
	options_add_load(&options, &writer);
	const struct subject subject = {name, SHMIMG_OWNER_SELF, options_box(&options)};
	return load_obtain(client, &writer, -1, &subject, image);
}

int shmimg_load_fd(shmimg_client *client, int fd, const char *name,
	const struct shmimg_options *given, shmimg_image **image)
{
	*image = NULL;
	int r = client_enter(client);
	return r < 0 ? r : call_leave(client, load_descriptor(client, fd, name, given, image));
}

static int load_file(shmimg_client *client, const char *path, const char *name,
	const struct shmimg_options *given, shmimg_image **image)
{
	char path_name[NAME_LENGTH_MAX + 1];
	struct shmimg_options options;
	if (options_read(given, &options) < 0)
		return client_fail(client, -EINVAL,
			"an option has an invalid value; libshmimg(3) lists the valid ones");
	bool follow = options.follow == SHMIMG_FOLLOW;
	if (!name || follow) {
		struct call *call = client_unlock(client);
		int r = shmimg_name_of_path(path, path_name, sizeof(path_name));
		client_lock(client, call);
		if (r < 0)
			return client_fail(client, r, "the path %s cannot be used as a name", path);
		name = name ? name : path_name;
	}
	if (follow)
		return load_path(client, path_name, name, &options, image);
	/* O_NONBLOCK: opening a FIFO must not wait. Regular files are not affected. */
	struct call *call = client_unlock(client);
	CLOSED int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error = errno;
	client_lock(client, call);
	if (fd < 0)
		return client_fail(client, -error, "cannot open %s: %s", path, strerror(error));
	return load_descriptor(client, fd, name, &options, image);
}

int shmimg_load(shmimg_client *client, const char *path, const char *name,
	const struct shmimg_options *given, shmimg_image **image)
{
	*image = NULL;
	int r = client_enter(client);
	return r < 0 ? r : call_leave(client, load_file(client, path, name, given, image));
}

/*
 * The cached image that FETCH would find, or NULL. Without a uid it is the user's own; without
 * a format, in RGBA8. Without a box it must be the whole picture: if the largest rendition is
 * smaller, a larger one may exist by now.
 */
static shmimg_image *load_find_cached(
	struct shmimg_client *client, const char *name, const struct shmimg_options *options)
{
	uid_t owner = options->owner < 0 ? client->uid : (uid_t)options->owner;
	enum shmimg_format format = options->format ? options->format : SHMIMG_RGBA8;
	return mapping_cache_find(
		&client->cache, name, owner, (uint32_t)format, options_box(options));
}

static bool load_is_newest(const struct shmimg_client *client, const shmimg_image *image)
{
	const struct header *header = &image->header;
	return board_view_shows(&client->board, header->slot, header->generation);
}

/* Fetches from the daemon. If that fails, the cached image is of no use any more. */
static int load_fetch(struct shmimg_client *client, const char *name,
	const struct shmimg_options *given, shmimg_image **image)
{
	struct shmimg_options options;
	struct wire_writer writer;
	int r = load_enter(client, name, given, &options);
	if (r < 0)
		return r;
	call_begin(client, &writer, "FETCH");
	wire_add(&writer, "name", name);
	options_add_owner(&options, &writer);
	options_add_rendition(&options, &writer);
	const struct subject subject = {name, options.owner, options_box(&options)};
	r = load_obtain(client, &writer, -1, &subject, image);
	shmimg_image *cached = r < 0 ? load_find_cached(client, name, &options) : NULL;
	if (cached)
		mapping_cache_remove(&client->cache, cached);
	return r;
}

/* From the cache, or else from the daemon. */
static int load_fetch_any(shmimg_client *client, const char *name,
	const struct shmimg_options *given, shmimg_image **image)
{
	struct shmimg_options options;
	if (client->watching || client_is_handing(client) || options_read(given, &options) < 0)
		return load_fetch(client, name, given, image); /* reports the error */
	shmimg_image *cached = load_find_cached(client, name, &options);
	if (!cached || !load_is_newest(client, cached))
		return load_fetch(client, name, given, image);
	image_ref(cached);
	*image = cached;
	return 0;
}

int shmimg_fetch(shmimg_client *client, const char *name, const struct shmimg_options *given,
	shmimg_image **image)
{
	*image = NULL;
	int r = client_enter(client);
	return r < 0 ? r : call_leave(client, load_fetch_any(client, name, given, image));
}

/* The connection was lost while a pin was released. The pin is gone too: that is a success. */
static int load_reconnect(struct shmimg_client *client)
{
	struct client_failure before = client->call->failure;
	reconnect(client, false);
	if (client->state == CLIENT_BROKEN)
		return -EPROTO;
	client->call->failure = before;
	return 0;
}

static int load_release(struct shmimg_client *client, const shmimg_image *image)
{
	struct pinned what = image_pinned(image);
	int r = call_enter(client);
	if (r < 0)
		return r;
	struct client_failure before = client->call->failure;
	struct pin *pin = pins_find(&client->pins, &what);
	if (client->state != CLIENT_OPEN)
		r = -ECONNRESET;
	else if (pin)
		r = release(client, image->name, image->header.owner, &what);
	else
		r = release_asked(client, image->name, image->header.owner, &what);
	pin = pins_find(&client->pins, &what);
	if (pin && (r == 0 || r == -ENOENT || client->state != CLIENT_OPEN))
		pins_forget(&client->pins, pin);
	mapping_cache_remove(&client->cache, image);
	if (r == -ECONNRESET || (r == -ENOENT && client->was_lost)) {
		client->call->failure = before;
		return client->state == CLIENT_OPEN ? 0 : load_reconnect(client);
	}
	return r;
}

int shmimg_release(shmimg_client *client, const shmimg_image *image)
{
	int r = client_enter(client);
	return r < 0 ? r : call_leave(client, load_release(client, image));
}

static int load_drop(
	struct shmimg_client *client, const char *name, const struct shmimg_options *given)
{
	struct shmimg_options options;
	struct wire_writer writer;
	int r = load_enter(client, name, given, &options);
	if (r < 0)
		return r;
	call_begin(client, &writer, "DROP");
	wire_add(&writer, "name", name);
	options_add_owner(&options, &writer);
	r = call_ask(client, &writer, -1, NULL);
	/* The first of two attempts removed it. */
	return client->call->repeated && r == -ENOENT ? 0 : r;
}

int shmimg_drop(shmimg_client *client, const char *name, const struct shmimg_options *given)
{
	int r = client_enter(client);
	return r < 0 ? r : call_leave(client, load_drop(client, name, given));
}
