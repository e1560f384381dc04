/*
 * What the daemon and a decoder say to each other: fixed structures, one a packet, over a
 * SOCK_SEQPACKET socketpair that is the decoder's descriptor 3. This file holds the layout
 * and the order; neither side believes what breaks either.
 *
 *   daemon                        decoder
 *                             <-  JOB_READY, once, before all else
 *
 *   JOB_DECODE + input file   ->
 *                             <-  JOB_HEADER (or JOB_ERROR: done)
 *   JOB_SEGMENT + segment     ->                       (or JOB_REFUSE: done)
 *                             <-  JOB_DONE (or JOB_ERROR)
 *
 *   JOB_FREE + segment        ->
 *   JOB_LAST                  ->
 *                             <-  JOB_DONE
 *
 *   JOB_SPARE + segment       ->                       (after a job)
 *                             <-  JOB_NO_SPARE, before the next job's JOB_HEADER, or nothing
 *
 * JOB_READY says that the decoder is confined, and how; it has read nothing before. The
 * daemon need not wait for it to give a job.
 *
 * One job at a time. The segment is sized by the daemon, and reserved and filled by the
 * decoder, which closes the job's descriptors before it says JOB_DONE or JOB_ERROR.
 * JOB_FREE brings the last reference but the daemon's own to a large segment. When that is
 * closed JOB_LAST says so, and only then the decoder closes its own, so that the time the
 * kernel needs to free the segment is not the daemon's.
 *
 * JOB_SPARE gives a segment for a later job, in place of an earlier spare that was not used,
 * which the decoder lets go. It fills this with pages while there is nothing to do, or says
 * with JOB_NO_SPARE that it cannot, and has let it go. A job that shall be decoded into it
 * says so in its JOB_SEGMENT; none is used twice.
 */
#pragma once

#include <stdint.h>

#include "client/protocol/header.h"

enum { JOB_CHANNEL = 3, JOB_MESSAGE_SIZE = 256, JOB_BLOCK_BYTES_MAX = 16 << 20 };

enum job_kind {
	JOB_DECODE = 1,
	JOB_SEGMENT,
	JOB_REFUSE,
	JOB_FREE,
	JOB_READY,
	JOB_HEADER,
	JOB_DONE,
	JOB_ERROR,
	JOB_SPARE,
	JOB_NO_SPARE,
	JOB_LAST,
};

/*
 * What confines a decoder: name, bit, word in the answer to STATS.
 * no-new-privs stands for all that needs no support of the kernel's: no capabilities and no
 * groups, a session of its own, no descriptors but these.
 */
#define JOB_SANDBOX_TABLE(X)               \
	X(SECCOMP, 1, "seccomp")           \
	X(LANDLOCK, 2, "landlock")         \
	X(NO_NEW_PRIVS, 4, "no-new-privs") \
	X(LIMITS, 8, "rlimits")

enum job_sandbox {
#define X(name, bit, word) JOB_SANDBOX_##name = (bit),
	JOB_SANDBOX_TABLE(X)
#undef X
};

/* JOB_READY */
struct job_ready {
	uint32_t kind;
	uint32_t sandbox; /* bits of enum job_sandbox */
};

/*
 * What JOB_DECODE is given: a file of anybody's, or a segment that the daemon has published.
 * What a file's bytes look like never makes it a segment.
 */
enum job_source {
	JOB_SOURCE_FILE = 0,
	JOB_SOURCE_SEGMENT = 1,
};

/*
 * JOB_DECODE: with the file to read, by pread alone: its offset belongs to the client.
 * Width and height are those of the box to fit the picture in, as fit_inside() does; 0: any.
 * The picture is the whole one, also where the source is a segment with a smaller form of it;
 * that is never enlarged.
 */
struct job_decode {
	uint32_t kind;
	uint32_t format; /* wanted enum format, FORMAT_NATIVE included */
	uint32_t width;
	uint32_t height;
	uint32_t source; /* enum job_source */
};

/*
 * JOB_HEADER: what the file says it is, or said when the segment was made of it. Sizes are those
 * after the orientation was applied: width and height of what will be written, which is the whole
 * picture fitted into the box of JOB_DECODE. blocks[].type and .size are set; the sum of sizes is
 * at most JOB_BLOCK_BYTES_MAX.
 */
struct job_header {
	uint32_t kind;
	uint32_t width;
	uint32_t height;
	uint32_t full_width;
	uint32_t full_height;
	uint32_t format; /* that will be written: as asked, or the native one */
	uint32_t native; /* nearest format to the file */
	uint32_t colour; /* enum colour_space */
	uint32_t orientation;
	uint32_t block_count;
	struct header_block blocks[HEADER_BLOCKS_MAX];
	char type[8]; /* "JPEG", "PNG", "XPM", ended by NUL */
};

/*
 * JOB_SEGMENT: with the segment to fill, size bytes long and sparse. The decoder reserves
 * all of it, then writes pixels and blocks where this says; the rest is the daemon's.
 */
struct job_segment {
	uint32_t kind;
	uint32_t spare; /* 1: it is the one of the last JOB_SPARE, which may have been longer */
	uint64_t size;
	uint64_t pixel_offset;
	uint64_t stride;
	uint64_t block_offsets[HEADER_BLOCKS_MAX];
};

/* JOB_SPARE: with a segment, size bytes long and sparse, of which nothing is known yet. */
struct job_spare {
	uint32_t kind;
	uint32_t reserved;
	uint64_t size;
};

/* JOB_REFUSE, JOB_FREE (with a segment), JOB_LAST, JOB_DONE, JOB_NO_SPARE. */
struct job_signal {
	uint32_t kind;
};

/* JOB_ERROR */
struct job_error {
	uint32_t kind;
	uint32_t fault; /* enum fault: not-an-image, decoder-failed, too-large or no-space */
	char message[JOB_MESSAGE_SIZE]; /* English, ended by NUL */
};

union job_packet {
	uint32_t kind;
	struct job_ready ready;
	struct job_decode decode;
	struct job_header header;
	struct job_segment segment;
	struct job_spare spare;
	struct job_signal signal;
	struct job_error error;
};
