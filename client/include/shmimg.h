/*
 * shmimg.h - decoded images in shared memory, by way of the daemon shmimgd(8).
 *
 * Link with -lshmimg (pkg-config shmimg). A tutorial and an example are in libshmimg(3).
 *
 * Results: functions that return int return 0, or a number above 0 where that is said, or a
 * negative errno. A request that the daemon refused returns the errno of its error code
 *
 *   not-found -ENOENT, no-permission -EACCES, invalid-argument -EINVAL, not-an-image -EILSEQ,
 *   too-large -EFBIG, no-space -ENOSPC, over-quota -EDQUOT, busy -EBUSY, timeout -ETIMEDOUT,
 *   decoder-failed -EIO, protocol -EPROTO, internal -EREMOTEIO
 *
 * and shmimg_message() tells it in words; shmimg_code() is "" unless it was the daemon that
 * refused.
 *
 * A daemon that is restarted: the next call on a client connects to it again, where the last
 * one was, takes the pins again that the client had, and then does what it was called for; a
 * call that was under way is repeated. Images fetched before stay mapped and readable
 * whatever happens. One that the new daemon no longer has, or has a newer generation of, is
 * simply no longer pinned. Meanwhile nobody is there, so a call waits until its timeout; with
 * a timeout of -1, five seconds. Then it is -ECONNREFUSED, and the next call tries again.
 * -ECONNRESET is a daemon that went away twice in one call, or in the middle of a list.
 * When the daemon does not answer in time (-ETIMEDOUT) the connection is given up, and the
 * next call makes another one. What does not keep to the protocol (-EPROTO with
 * shmimg_code() "") is not spoken to again: every later call is -EPROTO.
 *
 * Threads: a client and what is fetched through it belong to one thread at a time. Several
 * threads use several clients. The library keeps no other state, installs no signal
 * handlers, and its descriptors are close-on-exec.
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

/* A mapped image: pixels, geometry, metadata; read-only, and unchanging. */
typedef struct shmimg_image shmimg_image;

/*
 * Pixel formats: in memory from the first byte on, rows from the top down.
 * 16-bit channels are uint16_t in the machine's byte order.
 */
enum shmimg_format {
	SHMIMG_DEFAULT = 0,	 /* in requests: RGBA8 */
	SHMIMG_RGBA8 = 1,	 /* R G B A, straight alpha; DRM ABGR8888 */
	SHMIMG_BGRA8_PREMUL = 2, /* B G R A, premultiplied; cairo ARGB32, DRM ARGB8888 */
	SHMIMG_RGB8 = 3,	 /* R G B; DRM BGR888 */
	SHMIMG_GRAY8 = 4,	 /* one byte; DRM R8 */
	SHMIMG_RGBA16 = 5,	 /* R G B A of 16 bits, straight alpha; DRM ABGR16161616 */
	SHMIMG_GRAY16 = 6,	 /* 16 bits; DRM R16 */
	SHMIMG_NATIVE = 255	 /* in requests: the nearest of these to the file */
};

/* The word of a format on the wire, such as "RGBA8"; NULL for what is none. */
const char *shmimg_format_name(enum shmimg_format format);

/* The format of a word ("native" included), or -EINVAL. */
int shmimg_format_parse(const char *word);

/* Bytes of a pixel: 1 to 8; 0 for SHMIMG_DEFAULT, SHMIMG_NATIVE and what is none. */
unsigned shmimg_format_bytes(enum shmimg_format format);

/* Who may fetch an image besides its owner. */
enum shmimg_share {
	SHMIMG_PRIVATE = 0, /* nobody */
	SHMIMG_GROUP = 1,   /* the members of the loader's primary group */
	SHMIMG_ALL = 2	    /* everybody */
};

/* How long the daemon keeps an image that no client holds. */
enum shmimg_keep {
	SHMIMG_CACHE = 0,   /* until its room is needed */
	SHMIMG_PINNED = 1,  /* until it is dropped */
	SHMIMG_ATTACHED = 2 /* not at all: dropped when its last user lets go */
};

/* Whether the daemon looks after an image's file itself, and loads it again when it changes. */
enum shmimg_follow {
	SHMIMG_FOLLOW_UNCHANGED = 0, /* as it was, which for a new image is not at all */
	SHMIMG_FOLLOW = 1,
	SHMIMG_UNFOLLOW = 2
};

/*
 * What may be said with a request; NULL in place of a pointer to it means all defaults.
 * Set it to SHMIMG_OPTIONS_INIT first: later versions add members at its end.
 */
struct shmimg_options {
	size_t size;		   /* sizeof(struct shmimg_options) */
	enum shmimg_format format; /* wanted format */
	enum shmimg_share share;   /* load: who else may fetch it */
	enum shmimg_keep keep;	   /* load: how long it is kept */
	int64_t owner;		   /* fetch, drop, stat: uid of the image's owner; -1: one's
				      own first, then what others share */
	enum shmimg_follow follow; /* load: whether the daemon follows the file */
	uint32_t width;		   /* load, fetch, stat: the box to fit the picture into, each */
	uint32_t height;	   /* 1 to INT32_MAX; 0: as wide or as high as it likes */
	uint32_t reserved;	   /* 0 */
};

#define SHMIMG_OPTIONS_INIT                                                                      \
	{                                                                                        \
		sizeof(struct shmimg_options), SHMIMG_DEFAULT, SHMIMG_PRIVATE, SHMIMG_CACHE, -1, \
			SHMIMG_FOLLOW_UNCHANGED, 0, 0, 0                                         \
	}

/* ---- Connection ---- */

/*
 * Connects to the daemon at a socket's path and says hello. With path NULL it is
 * $SHMIMG_SOCKET if that is set and not empty; else the user's
 * ($XDG_RUNTIME_DIR/shmimgd/socket) if there is one; else the system's
 * (/run/shmimgd/socket). Set-user-ID programs go to the system's alone.
 * timeout_ms bounds this and every later call: milliseconds, or -1 for ever. Loading takes
 * as long as decoding does; the daemon itself bounds that. Later calls wait for a daemon
 * that has gone and may come back; this one does not. The path is kept for them; one that
 * does not begin with '/' is then looked up from the folder of that time.
 * On success *client is the caller's, for shmimg_close(). On failure it is NULL, and errors
 * are those of connect(2) (-ENOENT, -ECONNREFUSED: no daemon), -ETIMEDOUT, -ENOMEM,
 * -EPROTO when what answers is no shmimgd or has another protocol, or what the daemon
 * refuses a connection with (-EBUSY, -EDQUOT).
 */
int shmimg_connect(shmimg_client **client, const char *path, int timeout_ms);

/*
 * Ends a connection; the daemon lets go of all its pins, and what is kept is unmapped.
 * Images fetched through it stay mapped and must still be given to shmimg_unref(). NULL is
 * let pass.
 */
void shmimg_close(shmimg_client *client);

/*
 * The socket, for poll(2): it becomes readable when the daemon has gone, and stays so until
 * a call has connected again. That gives it another number, never the same one: ask after
 * each call, and have poll(2) or epoll(7) watch the new one. Belongs to the client; nobody
 * else reads, writes or closes it.
 */
int shmimg_fd(const shmimg_client *client);

/* Changes the timeout of shmimg_connect(), for later calls. */
void shmimg_set_timeout(shmimg_client *client, int timeout_ms);

/*
 * Bounds the mappings that the client keeps for shmimg_fetch() to hand out again: their bytes
 * in all; 0 keeps none. 256 MiB unless this is called, and at most 1024 images. What was not
 * fetched for longest goes first.
 */
void shmimg_set_kept(shmimg_client *client, size_t bytes);

/*
 * Has calls look for the daemon's answer again and again, for so many microseconds at most,
 * before they sleep until it comes; 0, as before this is called: they sleep at once. Spares the
 * wake-up, which is most of what a short request costs when client and daemon run on two
 * processors, and takes processor time; where there is one processor it only loses time.
 */
void shmimg_set_spin(shmimg_client *client, unsigned microseconds);

/*
 * What the last failed call on this client said, in English without a full stop; "" when
 * none failed yet. Valid until the next call on the client.
 */
const char *shmimg_message(const shmimg_client *client);

/*
 * The error code of the last failed call on this client as the protocol spells it, such as
 * "not-found"; "" when it was not the daemon that refused. Valid as shmimg_message().
 */
const char *shmimg_code(const shmimg_client *client);

/*
 * The version of the daemon, such as "0.1.0". Valid until the next call on the client, which
 * may connect to a newer one.
 */
const char *shmimg_daemon_version(const shmimg_client *client);

/* ---- Images ---- */

/*
 * Has a file decoded, pinned and mapped. The file is opened by the caller's own permissions
 * and the open file goes to the daemon. With name NULL the image is named by the file's
 * path as shmimg_name_of_path() gives it. An unchanged file is not decoded again.
 * With a width or height the picture is made smaller, with its aspect kept, so that it fits into
 * that box; it is never made larger. Renditions of several sizes and formats are there side by
 * side, under one name and with one generation.
 * With SHMIMG_FOLLOW the daemon gets that path in place of the open file, and opens it itself,
 * now and whenever it changes: it must have the caller's uid, or everybody may read the file.
 * On success *image is the caller's, for shmimg_unref(); else it is NULL, and the client
 * has no pin on it. Errors: those of open(2), -EINVAL for what is no regular file, the
 * daemon's (above), those of shm_open(3) and mmap(2), or -EBADMSG when the segment is not
 * what the daemon promised.
 */
int shmimg_load(shmimg_client *client, const char *path, const char *name,
	const struct shmimg_options *options, shmimg_image **image);

/*
 * As shmimg_load(), of an open regular file; name must be given, and SHMIMG_FOLLOW is
 * -EINVAL. The descriptor stays the caller's; its file offset is neither used nor moved.
 */
int shmimg_load_fd(shmimg_client *client, int fd, const char *name,
	const struct shmimg_options *options, shmimg_image **image);

/*
 * Finds an image by name, pins and maps it: with a width or height as it fits into that box, and
 * -ENOENT if nobody has loaded it so; else the largest there is. With SHMIMG_DEFAULT, RGBA8 if
 * it is there in that as large, else whichever format there is. Fetching again what is pinned
 * does not pin it twice. Errors as shmimg_load().
 * While an image has not changed, fetching it again, whole or in a box, costs no system call:
 * the client keeps its mapping (shmimg_set_kept()) and sees on the daemon's board that it is the
 * newest. Of images of others this holds when options say the owner. The result may be the pointer
 * of an earlier call; each result is to be given to shmimg_unref(). What is kept stays pinned; an
 * older generation without a handle is released when a newer one is fetched.
 */
int shmimg_fetch(shmimg_client *client, const char *name, const struct shmimg_options *options,
	shmimg_image **image);

/*
 * Lets go of a handle, in any thread; what is not kept (shmimg_fetch()) is unmapped with its
 * last one. It does not talk to the daemon: the pin lasts until shmimg_release() or
 * shmimg_close(). NULL is let pass.
 */
void shmimg_unref(shmimg_image *image);

/*
 * Tells the daemon that this client no longer needs an image; what is mapped stays so, in
 * every handle. -ENOENT when the client has no pin on it (any more); but 0 once the daemon
 * was restarted, as then the pin may have gone with the old one. Does not wait for a daemon
 * that is not there.
 */
int shmimg_release(shmimg_client *client, const shmimg_image *image);

/* Removes an image's name at once; those who hold its pixels keep them. Owner alone. */
int shmimg_drop(shmimg_client *client, const char *name, const struct shmimg_options *options);

/*
 * The name under which shmimg_load() with name NULL loads a file: its absolute path, with
 * the links in its folders resolved, but not in its last part; the file need not exist.
 * Returns 0, -ENAMETOOLONG when size is not enough, -EINVAL for a path that cannot be a
 * name, or -ENOENT when it is relative to a folder that was removed.
 */
int shmimg_name_of_path(const char *path, char *name, size_t size);

/* ---- What an image holds: valid until shmimg_unref() ---- */

/* The first pixel of the first row; aligned to a page. */
const void *shmimg_pixels(const shmimg_image *image);

uint32_t shmimg_width(const shmimg_image *image);  /* pixels, at least 1 */
uint32_t shmimg_height(const shmimg_image *image); /* rows, at least 1 */

/* Of the whole picture, of which the pixels may be a smaller form. */
uint32_t shmimg_full_width(const shmimg_image *image);
uint32_t shmimg_full_height(const shmimg_image *image);

/* Bytes from a row to the next: a multiple of 64, at least width x bytes of a pixel. */
size_t shmimg_stride(const shmimg_image *image);

enum shmimg_format shmimg_image_format(const shmimg_image *image);

/* The code of drm_fourcc.h for the format, as for zwp_linux_dmabuf or wl_shm. */
uint32_t shmimg_fourcc(const shmimg_image *image);

/* The EXIF orientation that was undone while decoding: 1 (none) to 8. */
unsigned shmimg_orientation(const shmimg_image *image);

/* Counts up with each change of an image; 64 bits, never used twice by any image. */
uint64_t shmimg_generation(const shmimg_image *image);

const char *shmimg_name(const shmimg_image *image);
uid_t shmimg_owner(const shmimg_image *image);

/* 1 if the daemon had it decoded already when it was loaded, else 0. */
int shmimg_cached(const shmimg_image *image);

/* The segment's name for shm_open(3), and its size in bytes, header and all. */
const char *shmimg_segment(const shmimg_image *image);
size_t shmimg_segment_size(const shmimg_image *image);

/* Kinds of metadata that come with an image, unchanged from its file. */
enum shmimg_metadata {
	SHMIMG_ICC = 1, /* colour profile (ICC.1, ISO 15076-1); the pixels are in its space */
	SHMIMG_EXIF = 2 /* EXIF (CIPA DC-008) from its TIFF header on; its orientation tag is
			   that of the file and has been applied to the pixels */
};

/*
 * A block of metadata inside the mapping. Returns NULL when the image has none of the kind;
 * *size is its bytes, or 0.
 */
const void *shmimg_metadata(const shmimg_image *image, enum shmimg_metadata kind, size_t *size);

/* ---- The lock: mutual exclusion between programs that agree to use it ---- */

/*
 * Takes the image's semaphore; one holder at a time, not recursive. When the holder dies,
 * however it dies, the kernel lets go of the lock. Waits at most timeout_ms milliseconds;
 * 0 does not wait, -1 waits for ever; signals do not end the wait.
 * Errors: -ETIMEDOUT, or -EAGAIN with timeout_ms 0, when others have it; -EACCES; -EIDRM
 * when the daemon has removed the semaphore (the image is gone), or has it where this
 * process cannot reach it (another IPC namespace).
 * The lock belongs to the process: the thread that unlocks need not be the one that locked.
 */
int shmimg_lock(const shmimg_image *image, int timeout_ms);

/* Gives it back. Errors: -EIDRM; -EPERM when this process does not hold it. */
int shmimg_unlock(const shmimg_image *image);

/* ---- Asking ---- */

/*
 * One answer of STAT, LIST or STATS: keys as shmimg-protocol(7) lists them. Valid during
 * the call that it is given to.
 */
typedef struct shmimg_record shmimg_record;

/* The value of a key, decoded; NULL when the record has none. Valid as the record. */
const char *shmimg_record_get(const shmimg_record *record, const char *key);

/* The index-th key and value, from 0 on. Returns 0, or -ENOENT past the last. */
int shmimg_record_at(
	const shmimg_record *record, size_t index, const char **key, const char **value);

/* Takes one record. Returning other than 0 ends the listing with that result. */
typedef int (*shmimg_record_handler)(const shmimg_record *record, void *context);

/* Describes one image. */
int shmimg_stat(shmimg_client *client, const char *name, const struct shmimg_options *options,
	shmimg_record_handler handler, void *context);

/*
 * Describes each image whose name matches a glob ('*' any bytes, '?' one character, '[a-z]'
 * one of these); all with match NULL. Only what the caller may see, in order of names.
 * The handler must not use the client: calls on it are -EBUSY. timeout_ms holds for each
 * record, and handlers take as long as they like. When the daemon goes away after a record
 * was handed out the list is not begun again, but ends with -ECONNRESET.
 */
int shmimg_list(
	shmimg_client *client, const char *match, shmimg_record_handler handler, void *context);

/*
 * Begins to watch what becomes of images whose names match a glob, or of all with match
 * NULL. From then on the client is for shmimg_next_event() alone: other requests are -EBUSY.
 */
int shmimg_watch(shmimg_client *client, const char *match);

/*
 * Waits for the next event, at most timeout_ms milliseconds (-1: for ever; 0: not at all),
 * and gives it to the handler, whose result it returns. The record has the key type: loaded,
 * changed, evicted or dropped, with name, generation and owner; or overflow, when events
 * were lost because nobody took them, or as the daemon was restarted: shmimg_list() of
 * another client tells what there is. A client whose daemon has gone watches the next one by
 * itself, and waits for it as long as other calls do, whatever timeout_ms is.
 * Errors: -ETIMEDOUT when there was none, which does no harm. In a loop of one's own, wait
 * for shmimg_fd() to be readable, then call with timeout_ms 0 until -ETIMEDOUT.
 */
int shmimg_next_event(
	shmimg_client *client, int timeout_ms, shmimg_record_handler handler, void *context);

/* Reports the daemon's counters in one record. */
int shmimg_stats(shmimg_client *client, shmimg_record_handler handler, void *context);

#ifdef __cplusplus
}
#endif

#endif
