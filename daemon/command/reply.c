/*
 * Answers to requests, written line by line into memory.
 */
#include "daemon/command/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"

enum {
	RETRY_MSEC = 100, /* after which a busy daemon may be asked again */
	WORD_MAX = 64,	  /* characters of a verb or key that an error repeats */
};

void reply_identify(struct reply *reply, const char *id, bool quiet)
{
	snprintf(reply->id, sizeof(reply->id), "%s", id ? id : "");
	reply->quiet = quiet;
}

bool reply_has_room(const struct reply *reply)
{
	return reply->size - reply->length >= WIRE_LINE_MAX;
}

struct wire_writer *reply_begin(struct reply *reply, const char *verb)
{
	size_t free_size = reply->size - reply->length;
	wire_begin(&reply->writer, reply->data + reply->length,
		free_size < WIRE_LINE_MAX ? free_size : WIRE_LINE_MAX, verb);
	reply->in_error = strcmp(verb, "ERR") == 0;
	if (*reply->id)
		wire_add(&reply->writer, "id", reply->id);
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
	if (length > 0 && (reply->in_error || !reply->quiet))
		reply->length += (size_t)length;
}

/* Adds a word of the client's, which may be as long as its line, or none. */
static void reply_add_word(struct wire_writer *line, const char *key, const char *word)
{
	char text[WORD_MAX + 1];
	if (!word)
		return;
	snprintf(text, sizeof(text), "%.*s", WORD_MAX, word);
	wire_add(line, key, text);
}

static void reply_add_fields(
	struct wire_writer *line, enum fault fault, const struct fault_fields *fields)
{
	reply_add_word(line, "verb", fields->verb);
	reply_add_word(line, "key", fields->key);
	if (fields->what)
		wire_add(line, "what", fields->what);
	if (fields->limit) {
		wire_add(line, "limit", fields->limit);
		wire_add_number(line, "used", fields->used);
		wire_add_number(line, "max", fields->max);
	}
	if (fault == FAULT_BUSY)
		wire_add_number(line, "retry-ms", RETRY_MSEC);
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
	reply_add_fields(line, fault, &reply->fields);
	wire_add(line, "message", message);
	reply_end(reply);
	reply->fields = (struct fault_fields){0};
}

void reply_pass(struct reply *reply, int fd)
{
	if (reply->fd >= 0)
		close(reply->fd);
	reply->fd = fd;
	if (reply->quiet)
		close(take_fd(&reply->fd));
}
