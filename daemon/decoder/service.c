/*
 * Does the jobs of job.h one after the other, in the order that job.h describes. Any packet out of
 * order ends the service: a daemon that breaks the protocol is not trusted either. Descriptors that
 * come with a job are closed, and the segment is unmapped, before the job is answered: the daemon
 * kills a decoder that still has the segment then.
 */
#include "config.h"

#include "daemon/decoder/service.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "daemon/decoder/codec/codec.h"
#include "daemon/decoder/pixel/spare.h"
#include "daemon/job/channel.h"

/* Of the current job; too large for the stack. */
static struct picture picture;

static int service_send_signal(int channel, enum job_kind kind)
{
	union job_packet packet = {.signal.kind = kind};
	return channel_send(channel, &packet, -1);
}

static int service_send_error(int channel)
{
	union job_packet packet = {.error = picture.error};
	return channel_send(channel, &packet, -1);
}

static int service_send_header(int channel, enum format format)
{
	union job_packet packet = {.header = {
					   .kind = JOB_HEADER,
					   .width = picture.fitted_width,
					   .height = picture.fitted_height,
					   .full_width = picture.full_width,
					   .full_height = picture.full_height,
					   .format = format,
					   .native = picture.native,
					   .colour = picture.colour,
					   .block_count = picture.block_count,
				   }};
	bool is_oriented = picture.orientation != 1;
	packet.header.orientation = is_oriented ? picture.orientation : picture.turned_by;
	picture_turn(&picture, &packet.header.width, &packet.header.height);
	picture_turn(&picture, &packet.header.full_width, &packet.header.full_height);
	for (uint32_t i = 0; i < picture.block_count; i++) {
		packet.header.blocks[i].type = picture.blocks[i].type;
		packet.header.blocks[i].size = picture.blocks[i].size;
	}
	memcpy(packet.header.type, picture.type, sizeof(packet.header.type));
	return channel_send(channel, &packet, -1);
}

/* Returns 0, also for a broken picture, or a negative errno for an invalid segment. */
static int service_fill(enum format format, const struct job_segment *segment, int fd)
{
	struct target target;
	int result = target_open(&target, &picture, format, segment, fd);
	if (result == 0)
		result = codec_decode(&picture, &target);
	if (result == 0)
		result = target_finish(&target, &picture);
	target_close(&target);
	close(fd);
	return picture.error.kind == JOB_ERROR ? 0 : result;
}

/* The job from JOB_HEADER on. Returns 1 if JOB_DONE or JOB_ERROR is due, 0 if no answer is. */
static int service_serve_pixels(int channel, enum format format)
{
	int result = service_send_header(channel, format);
	if (result < 0)
		return result;
	union job_packet packet;
	int fd;
	result = channel_receive_from_daemon(channel, &packet, &fd);
	if (result <= 0)
		return result < 0 ? result : -EPIPE;
	if (packet.kind == JOB_REFUSE)
		return 0;
	if (packet.kind != JOB_SEGMENT) {
		if (fd >= 0)
			close(fd);
		return -EPROTO;
	}
	result = service_fill(format, &packet.segment, fd);
	return result < 0 ? result : 1;
}

static int service_serve_decode(int channel, const struct job_decode *job, int fd)
{
	if (job->format >= FORMAT_COUNT || job->source > JOB_SOURCE_SEGMENT) {
		close(fd);
		return -EPROTO;
	}
	int result = 1;
	if (codec_open(&picture, fd, (enum job_source)job->source) == 0 &&
		codec_fit(&picture, job->width, job->height) == 0) {
		enum format wanted = (enum format)job->format;
		result = service_serve_pixels(
			channel, wanted == FORMAT_NATIVE ? picture.native : wanted);
	}
	codec_close(&picture);
	close(fd);
	spare_release();
	if (result <= 0)
		return result;
	return picture.error.kind == JOB_ERROR ? service_send_error(channel)
					       : service_send_signal(channel, JOB_DONE);
}

/* Closes a segment after the daemon has closed it. */
static int service_serve_free(int channel, int fd)
{
	union job_packet packet;
	int other;
	int result = channel_receive_from_daemon(channel, &packet, &other);
	if (result > 0 && packet.kind != JOB_LAST) {
		if (other >= 0)
			close(other);
		result = -EPROTO;
	}
	close(fd);
	return result > 0 ? service_send_signal(channel, JOB_DONE) : result;
}

static int service_serve(int channel, const union job_packet *packet, int fd)
{
	switch (packet->kind) {
	case JOB_DECODE:
		return service_serve_decode(channel, &packet->decode, fd);
	case JOB_FREE:
		return service_serve_free(channel, fd);
	case JOB_SPARE:
		spare_accept(&packet->spare, fd);
		return spare_prepare(channel) < 0 ? service_send_signal(channel, JOB_NO_SPARE) : 0;
	default:
		if (fd >= 0)
			close(fd);
		return -EPROTO;
	}
}

static int service_serve_all(int channel)
{
	for (;;) {
		union job_packet packet;
		int fd;
		int result = channel_receive_from_daemon(channel, &packet, &fd);
		if (result > 0)
			result = service_serve(channel, &packet, fd);
		else if (result == 0)
			return 0;
		if (result < 0)
			return result;
	}
}

int service_run(int channel)
{
	int result = service_serve_all(channel);
	spare_drop();
	return result;
}
