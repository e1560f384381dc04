/*
 * shmimg-decoder: serves the jobs of job.h on descriptor 3, one after the other, until the
 * daemon closes it. Has no options, no configuration and no other input, and prints nothing
 * but why it could not be confined: it serves nobody then.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon/decoder/channel.h"
#include "daemon/decoder/codec.h"
#include "daemon/decoder/sandbox.h"

enum { END_DONE = 0, END_PROTOCOL = 1, END_UNCONFINED = 2 };

/* One at a time, and too large for a stack. */
static struct picture picture;

static int send_signal(enum job_kind kind)
{
	union job_packet packet = {.signal.kind = kind};
	return channel_send(JOB_CHANNEL, &packet, -1);
}

static int send_error(void)
{
	union job_packet packet = {.error = picture.error};
	return channel_send(JOB_CHANNEL, &packet, -1);
}

static int send_header(enum format format)
{
	bool turned = picture.orientation >= 5;
	union job_packet packet = {.header = {
					   .kind = JOB_HEADER,
					   .width = turned ? picture.height : picture.width,
					   .height = turned ? picture.width : picture.height,
					   .format = format,
					   .native = picture.native,
					   .colour = picture.colour,
					   .orientation = picture.orientation,
					   .block_count = picture.block_count,
				   }};
	for (uint32_t i = 0; i < picture.block_count; i++) {
		packet.header.blocks[i].type = picture.blocks[i].type;
		packet.header.blocks[i].size = picture.blocks[i].size;
	}
	memcpy(packet.header.type, picture.codec->type, sizeof(packet.header.type));
	return channel_send(JOB_CHANNEL, &packet, -1);
}

/* Returns 0, also when the picture is broken, or a negative errno: the daemon is. */
static int fill(enum format format, const struct job_segment *segment, int fd)
{
	struct canvas canvas;
	int result = canvas_open(&canvas, &picture, format, segment, fd);
	if (result == 0)
		result = codec_decode(&picture, &canvas);
	canvas_close(&canvas);
	close(fd);
	return picture.error.kind == JOB_ERROR ? 0 : result;
}

/* From JOB_HEADER on. Returns 1 when JOB_DONE is due, 0 when nothing is any more. */
static int serve_pixels(enum format format)
{
	int result = send_header(format);
	if (result < 0)
		return result;
	union job_packet packet;
	int fd;
	result = channel_receive(JOB_CHANNEL, &packet, &fd);
	if (result <= 0)
		return result < 0 ? result : -EPIPE;
	if (packet.kind == JOB_REFUSE)
		return 0;
	if (packet.kind != JOB_SEGMENT) {
		if (fd >= 0)
			close(fd);
		return -EPROTO;
	}
	result = fill(format, &packet.segment, fd);
	return result < 0 ? result : 1;
}

static int serve_decode(const struct job_decode *job, int fd)
{
	if (job->format >= FORMAT_COUNT) {
		close(fd);
		return -EPROTO;
	}
	int result = 1;
	if (codec_open(&picture, fd) == 0) {
		enum format wanted = (enum format)job->format;
		result = serve_pixels(wanted == FORMAT_NATIVE ? picture.native : wanted);
	}
	codec_close(&picture);
	close(fd);
	if (result <= 0)
		return result;
	return picture.error.kind == JOB_ERROR ? send_error() : send_signal(JOB_DONE);
}

static int serve(const union job_packet *packet, int fd)
{
	switch (packet->kind) {
	case JOB_DECODE:
		return serve_decode(&packet->decode, fd);
	case JOB_FREE:
		close(fd);
		return send_signal(JOB_DONE);
	default:
		if (fd >= 0)
			close(fd);
		return -EPROTO;
	}
}

/* Confines this process and says so. Returns an exit status, END_DONE to go on. */
static int confine(void)
{
	const char *failed;
	codec_prepare();
	int force = sandbox_enter(&failed);
	if (force < 0) {
		dprintf(STDERR_FILENO, "shmimg-decoder: cannot %s: %s\n", failed, strerror(-force));
		return END_UNCONFINED;
	}
	union job_packet packet = {.ready = {JOB_READY, (uint32_t)force}};
	return channel_send(JOB_CHANNEL, &packet, -1) < 0 ? END_PROTOCOL : END_DONE;
}

int main(void)
{
	/* A decode that takes long does not outlive the daemon that wanted it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int status = confine();
	if (status != END_DONE)
		return status;
	for (;;) {
		union job_packet packet;
		int fd;
		int result = channel_receive(JOB_CHANNEL, &packet, &fd);
		if (result == 0)
			return END_DONE;
		if (result > 0)
			result = serve(&packet, fd);
		if (result < 0)
			return END_PROTOCOL;
	}
}
