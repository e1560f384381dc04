/*
 * Answers to requests, written line by line into memory.
 */
#include "daemon/command/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"

bool reply_has_room(const struct reply *reply)
{
	return reply->size - reply->length >= WIRE_LINE_MAX;
}

struct wire_writer *reply_begin(struct reply *reply, const char *verb)
{
	size_t free_size = reply->size - reply->length;
	wire_begin(&reply->writer, reply->data + reply->length,
		free_size < WIRE_LINE_MAX ? free_size : WIRE_LINE_MAX, verb);
	return &reply->writer;
}

void reply_end(struct reply *reply)
{
	int length = wire_end(&reply->writer);
	if (length < 0) {
		struct wire_writer *line = reply_begin(reply, "ERR");
		wire_add(line, "code", fault_to_string(FAULT_INTERNAL));
		wire_add(line, "message", "the answer does not fit into a line");
		length = wire_end(line);
	}
	if (length > 0)
		reply->length += (size_t)length;
}

void reply_fault(struct reply *reply, enum fault fault, const char *format, ...)
{
	char message[1024];
	va_list arguments;
	/* An error passes no descriptor. */
	if (reply->fd >= 0)
		close(take_fd(&reply->fd));
	va_start(arguments, format);
	int length = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < sizeof(message) && !fault_is_advised(message))
		snprintf(message + length, sizeof(message) - (size_t)length, "; %s",
			fault_advice(fault));
	struct wire_writer *line = reply_begin(reply, "ERR");
	wire_add(line, "code", fault_to_string(fault));
	wire_add(line, "message", message);
	reply_end(reply);
}

void reply_pass(struct reply *reply, int fd)
{
	if (reply->fd >= 0)
		close(reply->fd);
	reply->fd = fd;
}
