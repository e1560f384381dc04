/*
 * Every line that has source= takes one descriptor, the first of those that came with the line's
 * message, whatever becomes of the line. When it cannot be told whether a malformed line has it,
 * the connection ends: the next line would get the wrong descriptor.
 */
#include "daemon/socket/incoming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/cleanup.h"
#include "daemon/socket/malformed.h"

/* Reads a line that is not well-formed, as it was received. Returns whether it takes a descriptor.
 */
static bool incoming_read_malformed(
	struct incoming *incoming, const char *text, size_t length, const char *mistake)
{
	struct malformed malformed;
	malformed_read(text, length, &malformed);
	incoming->fault = FAULT_PROTOCOL;
	incoming->detail = mistake;
	incoming->ends = malformed.claim == CLAIM_UNKNOWN;
	strcpy(incoming->id, malformed.id);
	return malformed.claim == CLAIM_ONE;
}

static bool incoming_read(struct incoming *incoming, const struct wire_line *line)
{
	const char *const *values = incoming->request.values;
	incoming->request_fault = request_parse(line, &incoming->request, &incoming->detail);
	if (values[KEY_ID])
		strcpy(incoming->id, values[KEY_ID]);
	incoming->quiet = values[KEY_QUIET] && incoming->request_fault != REQUEST_INVALID_QUIET;
	return values[KEY_SOURCE] != NULL;
}

bool incoming_take(struct incoming *incoming, struct inbox *inbox)
{
	char received[WIRE_LINE_MAX];
	struct wire_line line;
	size_t length;
	char *text = inbox_line(inbox, &length);
	if (!text && !inbox_is_full(inbox))
		return false;
	if (!text) {
		incoming_set_end(incoming, FAULT_PROTOCOL, "a line has more than 16384 bytes");
		return true;
	}
	*incoming = (struct incoming){.fd = -1, .length = length + 1};
	memcpy(received, text, length);
	const char *mistake = wire_parse(text, length, &line);
	bool takes = mistake ? incoming_read_malformed(incoming, received, length, mistake)
			     : incoming_read(incoming, &line);
	if (takes)
		incoming->fd = inbox_take_fd(inbox, incoming->length);
	return true;
}

void incoming_set_end(struct incoming *incoming, enum fault fault, const char *text)
{
	*incoming = (struct incoming){.fd = -1, .fault = fault, .detail = text, .ends = true};
}

/* A pointer into the line, after the line was copied; others stay. */
static const char *incoming_move(
	const char *pointer, const char *line, size_t length, const char *copy)
{
	return pointer && pointer >= line && pointer < line + length ? copy + (pointer - line)
								     : pointer;
}

struct incoming *incoming_copy(struct incoming *incoming, struct inbox *inbox)
{
	struct incoming *copy = malloc(sizeof(*copy) + incoming->length);
	if (!copy)
		return NULL;
	const char *line = inbox->data->bytes + inbox->start;
	char *text = (char *)(copy + 1);
	*copy = *incoming;
	memcpy(text, line, incoming->length);
	for (int key = 0; key < KEY_COUNT; key++)
		copy->request.values[key] =
			incoming_move(incoming->request.values[key], line, incoming->length, text);
	copy->detail = incoming_move(incoming->detail, line, incoming->length, text);
	incoming->fd = -1;
	incoming_consume(incoming, inbox);
	return copy;
}

int incoming_take_fd(struct incoming *incoming, struct close_queue *close_queue)
{
	if (incoming->fd >= 0)
		close_queue_count_received(close_queue, -1);
	return take_fd(&incoming->fd);
}

static void incoming_close(struct incoming *incoming, struct close_queue *close_queue)
{
	int fd = incoming_take_fd(incoming, close_queue);
	close_queue_drop(close_queue, &fd);
}

void incoming_consume(struct incoming *incoming, struct inbox *inbox)
{
	incoming_close(incoming, inbox->close_queue);
	if (incoming->length > 0)
		inbox_consume(inbox, incoming->length);
	incoming->length = 0;
}

void incoming_free(struct incoming *incoming, struct close_queue *close_queue)
{
	incoming_close(incoming, close_queue);
	free(incoming);
}

unsigned incoming_cancel(struct incoming_list *waiting, const char *id)
{
	struct incoming *incoming;
	unsigned count = 0;
	TAILQ_FOREACH (incoming, waiting, link) {
		if (!incoming->is_cancelled && strcmp(incoming->id, id) == 0 &&
			dispatch_can_cancel(&incoming->request)) {
			incoming->is_cancelled = true;
			count++;
		}
	}
	return count;
}

bool incoming_is_behind(const struct incoming *incoming, const struct incoming_list *waiting)
{
	const struct incoming *earlier;
	TAILQ_FOREACH (earlier, waiting, link) {
		if (earlier == incoming)
			return false;
		if (*incoming->id ? earlier->is_cancelled && incoming->cancelled > 0
				  : !*earlier->id)
			return true;
	}
	return false;
}
