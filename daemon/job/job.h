/*
 * The protocol of the daemon and a decoder: the layout and the order of their packets. Each packet
 * is one structure of fixed size, sent over a SOCK_SEQPACKET socket pair that is the decoder's
 * descriptor 3. Each side refuses packets of another layout, and packets out of order.
 *
 *   daemon                        decoder
 *                             <-  JOB_READY, once, before all other packets
 *
 *   JOB_DECODE + input file   ->
 *                             <-  JOB_HEADER (or JOB_ERROR: the job has ended)
 *   JOB_SEGMENT + segment     ->                       (or JOB_REFUSE: the job has ended)
 *                             <-  JOB_DONE (or JOB_ERROR)
 *
 *   JOB_FREE + segment        ->
 *   JOB_LAST                  ->
 *                             <-  JOB_DONE
 *
 *   JOB_SPARE + segment       ->                       (after a job)
 *                             <-  JOB_NO_SPARE, before the next job's JOB_HEADER, or nothing
 *
 * JOB_READY reports the sandbox. The decoder reads no other packet before it is confined. The
 * daemon can send a job before it receives JOB_READY.
 *
 * A decoder does one job at a time. The daemon sets the size of the segment; the decoder reserves
 * and fills it. The decoder closes the job's descriptors and unmaps the segment before it sends
 * JOB_DONE or JOB_ERROR. The daemon proves that no access to the segment is left, and kills a
 * decoder that has kept some.
 *
 * JOB_FREE carries a large segment that only the daemon still has open. JOB_LAST reports that the
 * daemon has closed its descriptor; only then the decoder closes its own. So the kernel frees the
 * pages in the decoder, not in the daemon.
 *
 * JOB_SPARE carries a segment for a later job. It replaces an earlier spare that was not used,
 * which the decoder closes. The decoder fills the segment with pages while it is idle, or reports
 * with JOB_NO_SPARE that it cannot, and has closed and unmapped it. The JOB_SEGMENT of the job that
 * uses the spare says so. A spare is used once.
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
 * The parts of a decoder's sandbox: name, bit, word in the answer to STATS. no-new-privs also
 * stands for the parts that every kernel supports: no capabilities, no groups, a session of its
 * own, and no other descriptors.
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
 * What the descriptor of JOB_DECODE is: a client's file, or a segment that the daemon has
 * published. A client's file is never read as a segment, whatever its bytes are.
 */
enum job_source {
	JOB_SOURCE_FILE = 0,
	JOB_SOURCE_SEGMENT = 1,
};

/*
 * JOB_DECODE carries the file to read. Read it with pread(2) only: its offset belongs to the
 * client. Width and height are those of the box that the picture is fitted into, as fit_inside()
 * does; 0: any. The size of the whole picture counts, also if the source is a segment with a
 * smaller form of it; the smaller form is never enlarged.
 */
struct job_decode {
	uint32_t kind;
	uint32_t format; /* wanted enum format, FORMAT_NATIVE included */
	uint32_t width;
	uint32_t height;
	uint32_t source; /* enum job_source */
};

/*
 * JOB_HEADER describes the picture in the file, or in the file that the segment was decoded from.
 * Sizes are those after the orientation is applied. Width and height are those of the pixels that
 * will be written: the whole picture, fitted into the box of JOB_DECODE. blocks[].type and .size
 * are set; the sum of the sizes is at most JOB_BLOCK_BYTES_MAX.
 */
struct job_header {
	uint32_t kind;
	uint32_t width;
	uint32_t height;
	uint32_t full_width;
	uint32_t full_height;
	uint32_t format; /* of the pixels that will be written: as requested, or native */
	uint32_t native; /* the format nearest to the file */
	uint32_t colour; /* enum colour_space */
	uint32_t orientation;
	uint32_t block_count;
	struct header_block blocks[HEADER_BLOCKS_MAX];
	char type[8]; /* "JPEG", "PNG", "XPM", ended by NUL */
};

/*
 * JOB_SEGMENT carries the segment to fill, which is size bytes long and sparse. The decoder
 * reserves all of it, then writes pixels and blocks at these offsets. The daemon writes the rest.
 */
struct job_segment {
	uint32_t kind;
	uint32_t spare; /* 1: it is the segment of the last JOB_SPARE, perhaps cut */
	uint64_t size;
	uint64_t pixel_offset;
	uint64_t stride;
	uint64_t block_offsets[HEADER_BLOCKS_MAX];
};

/* JOB_SPARE carries a segment, size bytes long and sparse. Its layout comes with JOB_SEGMENT. */
struct job_spare {
	uint32_t kind;
	uint32_t reserved;
	uint64_t size;
};

/* JOB_REFUSE, JOB_FREE (carries a segment), JOB_LAST, JOB_DONE, JOB_NO_SPARE */
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
