/*
 * The command handlers: one for each line of COMMAND_TABLE.
 */
#pragma once

#include "daemon/command/call.h"

#define X(constant, lower, required, optional, help) \
	enum outcome command_##lower(struct call *call);
COMMAND_TABLE(X)
#undef X
