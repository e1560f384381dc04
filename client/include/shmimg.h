/*
 * shmimg.h - decoded images in shared memory, from the daemon shmimgd(8).
 *
 * Link with -lshmimg (pkg-config shmimg). libshmimg(3) has a tutorial and an example.
 *
 * Results. Functions that return int return 0, or a number above 0 where that is documented,
 * or a negative errno. If the daemon refuses a request, the errno depends on its error code:
 *
 *   not-found -ENOENT, no-permission -EACCES, invalid-argument -EINVAL, not-an-image -EILSEQ,
 *   too-large -EFBIG, no-space -ENOSPC, over-quota -EDQUOT, busy -EBUSY, timeout -ETIMEDOUT,
 *   decoder-failed -EIO, unsupported -ENOTSUP, cancelled -ECANCELED, protocol -EPROTO, internal
 * -EREMOTEIO
 *
 * shmimg_message() returns the error in words. shmimg_code() returns the daemon's code, or ""
 * if the daemon did not refuse the request.
 *
 * Restart of the daemon. The next call on a client connects to the new daemon at the same
 * path, pins again the images that the client had pinned, and then does its own work. A call
 * that was running is repeated once. Images fetched before stay mapped and readable. If the
 * new daemon does not have an image, or has a newer generation of it, the image is no longer
 * pinned. While no daemon is running, a call waits for one until its timeout ends; with a
 * timeout of -1 it waits five seconds. Then it returns -ECONNREFUSED, and the next call tries
 * again. -ECONNRESET means that the daemon went away twice in one call, or in the middle of a
 * list. If the daemon does not answer in time (-ETIMEDOUT), the library cancels the request and
 * ignores a late answer; with a daemon that cannot cancel requests, it closes the connection, and
 * the next call makes another one. If the daemon violates the protocol (-EPROTO with
 * shmimg_code() ""), the client cannot be used any more: every later call returns -EPROTO.
 *
 * Threads. All threads may use a client at the same time, except that shmimg_close() must be its
 * last call, and that one thread at a time calls shmimg_next_event(). A call does not wait for
 * those of other threads: an image can be fetched while another one is loaded. (With a daemon that
 * answers requests only in their order, it does.) A client has one pin on an image, for all
 * threads. The library has no other state, starts no threads, installs no signal handlers, and
 * opens its descriptors close-on-exec.
 */
#ifndef SHMIMG_H
#define SHMIMG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A connection to the daemon. */
typedef struct shmimg_client shmimg_client;

/* A mapped image: pixels, geometry and metadata. It is read-only and never changes. */
typedef struct shmimg_image shmimg_image;

/*
 * Pixel formats: the channels in the order of their bytes in memory. Rows run from top to
 * bottom. Channels of 16 bits are uint16_t in the machine's byte order.
 */
enum shmimg_format {
	SHMIMG_DEFAULT = 0,	 /* in requests: RGBA8 */
	SHMIMG_RGBA8 = 1,	 /* R G B A, straight alpha; DRM ABGR8888 */
	SHMIMG_BGRA8_PREMUL = 2, /* B G R A, premultiplied; cairo ARGB32, DRM ARGB8888 */
	SHMIMG_RGB8 = 3,	 /* R G B; DRM BGR888 */
	SHMIMG_GRAY8 = 4,	 /* one byte; DRM R8 */
	SHMIMG_RGBA16 = 5,	 /* R G B A of 16 bits, straight alpha; DRM ABGR16161616 */
	SHMIMG_GRAY16 = 6,	 /* 16 bits; DRM R16 */
	SHMIMG_NATIVE = 255	 /* in requests: the format nearest to the file */
};

/* The word of a format on the wire, such as "RGBA8"; NULL if it is not a format. */
const char *shmimg_format_name(enum shmimg_format format);

/* The format of a word, including "native"; or -EINVAL. */
int shmimg_format_parse(const char *word);

/* Bytes of a pixel: 1 to 8. 0 for SHMIMG_DEFAULT, SHMIMG_NATIVE and unknown formats. */
unsigned shmimg_format_bytes(enum shmimg_format format);

/* Who may fetch an image besides its owner. */
enum shmimg_share {
	SHMIMG_PRIVATE = 0, /* nobody */
	SHMIMG_GROUP = 1,   /* the members of the loader's primary group */
	SHMIMG_ALL = 2	    /* everybody */
};

/* How long the daemon keeps an image that no client holds. */
enum shmimg_keep {
	SHMIMG_CACHE = 0,   /* until the memory is needed */
	SHMIMG_PINNED = 1,  /* until it is dropped */
	SHMIMG_ATTACHED = 2 /* not at all: it is dropped when its last user releases it */
};

/* Whether the daemon follows an image's file: loads it again by itself when it changes. */
enum shmimg_follow {
	SHMIMG_FOLLOW_UNCHANGED = 0, /* the setting stays as it is; no for a new image */
	SHMIMG_FOLLOW = 1,
	SHMIMG_UNFOLLOW = 2
};

/*
 * Options of a request. A pointer to them may be NULL, which means all defaults.
 * Initialize them with SHMIMG_OPTIONS_INIT: later versions add members at the end.
 */
struct shmimg_options {
	size_t size;		   /* sizeof(struct shmimg_options) */
	enum shmimg_format format; /* the format that you want */
	enum shmimg_share share;   /* load: who else may fetch the image */
	enum shmimg_keep keep;	   /* load: how long the daemon keeps it */
	int64_t owner;		   /* fetch, drop, stat: uid of the image's owner, or one of
				      the constants below */
	enum shmimg_follow follow; /* load: whether the daemon follows the file */
	uint32_t width;		   /* load, fetch, stat: the box to fit the picture into, */
	uint32_t height;	   /* 1 to INT32_MAX each; 0: no limit */
	uint32_t reserved;	   /* must be 0 */
};

/*
 * In place of a uid in options. SHMIMG_OWNER_SELF, the default, is your own image and no other.
 * SHMIMG_OWNER_ANY is your own image too, but if you have none of this name, it is one that
 * another user shares with you: of several the one whose owner has the lowest uid.
 * shmimg_owner() tells whose it is.
 */
#define SHMIMG_OWNER_SELF (-1)
#define SHMIMG_OWNER_ANY  (-2)

#define SHMIMG_OPTIONS_INIT                                                                      \
	{                                                                                        \
		sizeof(struct shmimg_options), SHMIMG_DEFAULT, SHMIMG_PRIVATE, SHMIMG_CACHE, -1, \
			SHMIMG_FOLLOW_UNCHANGED, 0, 0, 0                                         \
	}

/* ---- Connection ---- */

/*
 * Connects to the daemon whose socket is at path. If path is NULL, the first of these that
 * applies is used: $SHMIMG_SOCKET, if it is set and not empty;
 * $XDG_RUNTIME_DIR/shmimgd/socket, if it exists; /run/shmimgd/socket. A set-user-ID program
 * uses only the last. XDG_RUNTIME_DIR is ignored if the folder is not your own.
 * timeout_ms limits this call and every later call, in milliseconds; -1 means no limit. A load
 * takes as long as decoding takes; the daemon limits that itself. Later calls wait for a daemon
 * that has gone, as it may come back; this call does not wait. They use the same path. A path
 * that does not begin with '/' is then relative to the current directory of that time.
 * On success *client is yours: close it with shmimg_close(). On failure it is NULL. Errors are
 * those of connect(2) (-ENOENT, -ECONNREFUSED: there is no daemon), -EPERM if the daemon runs as
 * a user whom you have no reason to trust (libshmimg(3), TRUST), -ETIMEDOUT, -ENOMEM,
 * -EPROTO if the program that answers is not shmimgd or uses another protocol, or the daemon's
 * reason to refuse the connection (-EBUSY, -EDQUOT).
 */
int shmimg_connect(shmimg_client **client, const char *path, int timeout_ms);

/*
 * Closes a connection. The daemon releases all its pins, and the client unmaps the images that
 * it keeps. Images that you still have stay mapped: pass them to shmimg_unref(). NULL is ignored.
 */
void shmimg_close(shmimg_client *client);

/*
 * The socket, for poll(2). It becomes readable when the daemon has gone, and stays readable
 * until a call has connected again. The new connection always has another descriptor: call
 * shmimg_fd() after each call, and make poll(2) or epoll(7) watch the new one. It is also readable
 * when the answer to a request that timed out comes, until the next request. The descriptor
 * belongs to the client. Do not read, write or close it.
 */
int shmimg_fd(const shmimg_client *client);

/* Changes the timeout of shmimg_connect() for later calls. */
void shmimg_set_timeout(shmimg_client *client, int timeout_ms);

/*
 * Limits the mappings that the client keeps so that shmimg_fetch() can return them again. The
 * limit is their total size in bytes; 0 keeps none. The default is 256 MiB. The client never
 * keeps more than 1024 images. It removes the least recently fetched images first.
 */
void shmimg_set_kept(shmimg_client *client, size_t bytes);

/*
 * Makes calls check for the daemon's answer repeatedly before they sleep. They check for at most
 * so many microseconds, then sleep until the answer arrives. 0, the default, makes them sleep at
 * once. Checking avoids the wake-up, which is most of the cost of a short request if client and
 * daemon run on two processors. It uses processor time. On a machine with one processor it only
 * loses time.
 */
void shmimg_set_spin(shmimg_client *client, unsigned microseconds);

/*
 * The message of the last failed call of this thread on this client, in English and without a full
 * stop; if no call of this thread has failed, that of any thread; "" if no call has failed. Valid
 * until the next call on the client.
 */
const char *shmimg_message(const shmimg_client *client);

/*
 * The daemon's error code of the same call, such as "not-found"; "" if the daemon did not refuse
 * the call. Valid until the next call on the client.
 */
const char *shmimg_code(const shmimg_client *client);

/*
 * The version of the daemon, such as "0.1.0". Valid until the next call on the client, which may
 * connect to a newer daemon.
 */
const char *shmimg_daemon_version(const shmimg_client *client);

/* ---- Images ---- */

/*
 * Opens a file and passes it to the daemon, which decodes it. Pins the image and maps it. Your
 * program's own permission to read the file counts. If name is NULL, the image gets the name
 * that shmimg_name_of_path() returns. A file that has not changed is not decoded again.
 * With a width or a height the picture is scaled down to fit into that box, and keeps its aspect
 * ratio. It is never enlarged. Renditions of several sizes and formats exist side by side, under
 * one name and with one generation.
 * With SHMIMG_FOLLOW the daemon gets the path instead of the open file. It opens the file itself,
 * now and whenever the file changes: the daemon must have your uid, or everybody must be able to
 * read the file.
 * On success *image is yours: pass it to shmimg_unref(). On failure it is NULL, and the client
 * has no pin on it. Errors: those of open(2), -EINVAL if it is not a regular file, those of the
 * daemon (above), those of shm_open(3) and mmap(2), or -EBADMSG if the segment does not agree
 * with the daemon's reply.
 */
int shmimg_load(shmimg_client *client, const char *path, const char *name,
	const struct shmimg_options *options, shmimg_image **image);

/*
 * As shmimg_load(), but with an open regular file. You must give a name, and SHMIMG_FOLLOW is
 * -EINVAL. The descriptor stays yours. Its file offset is neither used nor changed.
 */
int shmimg_load_fd(shmimg_client *client, int fd, const char *name,
	const struct shmimg_options *options, shmimg_image **image);

/*
 * Finds an image by its name, pins it and maps it. It is your own image, unless the options name
 * another owner or SHMIMG_OWNER_ANY: an image of yours never turns into one of somebody else's
 * because yours was evicted. With a width or a height you get the rendition
 * that fits into that box; -ENOENT if nobody has loaded it in this size. Without both you get the
 * largest rendition that exists. With SHMIMG_DEFAULT you get RGBA8 if the largest rendition exists
 * in RGBA8, else a format that exists. Fetching a pinned image again does not pin it twice. Errors
 * are those of shmimg_load().
 * While an image has not changed, fetching it again makes no system call, whole or in a box: the
 * client keeps its mapping (shmimg_set_kept()) and reads on the daemon's board that it is the
 * newest. For an image of another user this is true if options give the owner. A call may return
 * the same pointer as an earlier call. Pass each result to shmimg_unref(). Kept images stay
 * pinned. Fetching a newer generation releases an older one that you no longer have.
 */
int shmimg_fetch(shmimg_client *client, const char *name, const struct shmimg_options *options,
	shmimg_image **image);

/*
 * Gives back one result of shmimg_load() or shmimg_fetch(). Any thread may call it. An image that
 * the client does not keep is unmapped when its last result is given back. It does not talk to the
 * daemon: the pin lasts until shmimg_release() or shmimg_close(). NULL is ignored.
 */
void shmimg_unref(shmimg_image *image);

/*
 * Tells the daemon that this client no longer needs an image. The image stays mapped until
 * shmimg_unref(). It does not wait for the daemon's answer. -ENOENT if the client has no pin on it.
 * After a restart of the daemon it
 * returns 0 instead, because the pin may have ended together with the old daemon. It does not
 * wait for a daemon that is not running.
 */
int shmimg_release(shmimg_client *client, const shmimg_image *image);

/*
 * Removes an image's name at once. Programs that have the pixels can keep using them. Only the
 * owner of the image may do this.
 */
int shmimg_drop(shmimg_client *client, const char *name, const struct shmimg_options *options);

/*
 * The name that shmimg_load() gives to a file if its own name is NULL: the absolute path of the
 * file. Links in its folders are resolved; a link in its last part is not. The file need not
 * exist. Returns 0, -ENAMETOOLONG if size bytes are not enough, -EINVAL if the path cannot be a
 * name, or -ENOENT if it is relative to a folder that was removed.
 */
int shmimg_name_of_path(const char *path, char *name, size_t size);

/* ---- Properties of an image: valid until shmimg_unref() ---- */

/* The first pixel of the first row. It is aligned to a page. */
const void *shmimg_pixels(const shmimg_image *image);

uint32_t shmimg_width(const shmimg_image *image);  /* pixels, at least 1 */
uint32_t shmimg_height(const shmimg_image *image); /* rows, at least 1 */

/* The size of the whole picture. The pixels may be scaled down from it. */
uint32_t shmimg_full_width(const shmimg_image *image);
uint32_t shmimg_full_height(const shmimg_image *image);

/* Bytes from one row to the next: a multiple of 64, at least width x bytes of a pixel. */
size_t shmimg_stride(const shmimg_image *image);

enum shmimg_format shmimg_image_format(const shmimg_image *image);

/* The code of the format in drm_fourcc.h, for zwp_linux_dmabuf or wl_shm. */
uint32_t shmimg_fourcc(const shmimg_image *image);

/* The EXIF orientation that the decoder has applied to the pixels: 1 (none) to 8. */
unsigned shmimg_orientation(const shmimg_image *image);

/* Increases with each change of an image. No two images ever have the same. */
uint64_t shmimg_generation(const shmimg_image *image);

const char *shmimg_name(const shmimg_image *image);
uid_t shmimg_owner(const shmimg_image *image);

/* 1 if the daemon had already decoded the image when it was loaded, else 0. */
int shmimg_cached(const shmimg_image *image);

/* The segment's name for shm_open(3), and its size in bytes, including the header. */
const char *shmimg_segment(const shmimg_image *image);
size_t shmimg_segment_size(const shmimg_image *image);

/* Kinds of metadata: copied from the file without a change. */
enum shmimg_metadata {
	SHMIMG_ICC = 1, /* colour profile (ICC.1, ISO 15076-1); the pixels are in its space */
	SHMIMG_EXIF = 2 /* EXIF (CIPA DC-008), beginning with its TIFF header. Its orientation
			   tag is that of the file; it is already applied to the pixels */
};

/*
 * A block of metadata inside the mapping, with its size in bytes. If the image has none of this
 * kind, returns NULL and sets *size to 0.
 */
const void *shmimg_metadata(const shmimg_image *image, enum shmimg_metadata kind, size_t *size);

/* ---- The lock: mutual exclusion between programs that agree to use it ---- */

/*
 * Takes the image's semaphore. It has one holder at a time and is not recursive. If the holder
 * dies, for whatever reason, the kernel gives the lock back. Waits for at most timeout_ms
 * milliseconds; 0 does not wait, -1 waits without limit. Signals do not end the wait.
 * Errors: -ETIMEDOUT, or -EAGAIN with timeout_ms 0, if others hold the lock; -EACCES; -EIDRM if
 * the image and its semaphore no longer exist, or the semaphore is in another IPC namespace.
 * The lock belongs to the process: one thread may lock and another thread may unlock.
 */
int shmimg_lock(const shmimg_image *image, int timeout_ms);

/* Gives the lock back. Errors: -EIDRM; -EPERM if this process does not hold the lock. */
int shmimg_unlock(const shmimg_image *image);

/* ---- Queries ---- */

/*
 * One record of STAT, LIST or STATS, with the keys that shmimg-protocol(7) lists. Valid until the
 * handler returns.
 */
typedef struct shmimg_record shmimg_record;

/* The decoded value of a key, or NULL if the record does not have it. Valid as the record. */
const char *shmimg_record_get(const shmimg_record *record, const char *key);

/* The key and value at a position, counted from 0. Returns 0, or -ENOENT past the last. */
int shmimg_record_at(
	const shmimg_record *record, size_t index, const char **key, const char **value);

/* Receives one record. If it returns a value other than 0, the call returns that value. */
typedef int (*shmimg_record_handler)(const shmimg_record *record, void *context);

/* Describes one image. */
int shmimg_stat(shmimg_client *client, const char *name, const struct shmimg_options *options,
	shmimg_record_handler handler, void *context);

/*
 * Describes the images that you can access and whose names match a glob pattern, in order of
 * their names. In the pattern '*' stands for any bytes, '?' for one character, '[a-z]' for one of
 * these characters. NULL matches all names. The handler must not use the client: its calls return
 * -EBUSY. It may take as long as it needs; the client's timeout applies to each record. Until it
 * returns, calls of other threads may have to wait. If the
 * daemon goes away in the middle of the list, the library does not begin the list again but
 * returns -ECONNRESET.
 */
int shmimg_list(
	shmimg_client *client, const char *match, shmimg_record_handler handler, void *context);

/*
 * Begins to watch the images whose names match a glob pattern; NULL matches all. Waits until no
 * other thread makes a call on the client. From then on use
 * the client only for shmimg_next_event(): other requests return -EBUSY.
 */
int shmimg_watch(shmimg_client *client, const char *match);

/*
 * Waits for the next event, passes it to the handler and returns the handler's result. Waits for
 * at most timeout_ms milliseconds; -1 waits without limit, 0 does not wait. The record's key type
 * is loaded, changed, evicted or dropped, with name, generation and owner; or overflow, if events
 * were lost because nobody received them or because the daemon was restarted. Then call
 * shmimg_list() with another client to see which images exist. If the daemon has gone, the client
 * watches the next daemon by itself, and waits for it as long as other calls do, whatever
 * timeout_ms is.
 * Errors: -ETIMEDOUT if there was no event; the client can still be used. To use your own event
 * loop, wait until shmimg_fd() is readable, then call this with timeout_ms 0 until it returns
 * -ETIMEDOUT.
 */
int shmimg_next_event(
	shmimg_client *client, int timeout_ms, shmimg_record_handler handler, void *context);

/* Describes the daemon: its counters, in one record. */
int shmimg_stats(shmimg_client *client, shmimg_record_handler handler, void *context);

#ifdef __cplusplus
}
#endif

#endif
