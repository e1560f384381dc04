/*
 * Failed calls of the library, and what to do about each error code.
 */
#include "client/ctl/failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/ctl/exit.h"
#include "client/ctl/message.h"
#include "client/protocol/fault.h"

int failure_is_loss(int error)
{
	return error == -ECONNRESET || error == -EPIPE || error == -ECONNREFUSED;
}

struct failure failure_take(const shmimg_client *client, int error)
{
	struct failure failure = {.error = error};
	const char *message = client ? shmimg_message(client) : "";
	const char *code = client ? shmimg_code(client) : "";
	snprintf(failure.code, sizeof(failure.code), "%s", code);
	snprintf(failure.message, sizeof(failure.message), "%s",
		*message ? message : strerror(-error));
	return failure;
}

int failure_print(const char *subject, const struct failure *failure)
{
	const char *advice = fault_advice(fault_from_string(failure->code));
	if (!*failure->code && strstr(failure->message, subject))
		message_print("%s", failure->message);
	else if (!*failure->code)
		message_print("%s: %s", subject, failure->message);
	else if (!*advice || fault_is_advised(failure->message))
		message_print("%s: %s: %s", subject, failure->code, failure->message);
	else
		message_print("%s: %s: %s; %s", subject, failure->code, failure->message, advice);
	return failure_is_loss(failure->error) ? EXIT_NO_DAEMON : EXIT_REFUSED;
}

int failure_print_last(const char *subject, const shmimg_client *client, int error)
{
	struct failure failure = failure_take(client, error);
	return failure_print(subject, &failure);
}
