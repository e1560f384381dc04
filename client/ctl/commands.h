/*
 * The function that runs each verb. Each takes a command line that was checked, prints what went
 * wrong, and returns the exit code.
 */
#pragma once

#include "client/ctl/options.h"

int command_load(const struct options *options);
int command_fetch(const struct options *options);
int command_list(const struct options *options);
int command_stat(const struct options *options);
int command_stats(const struct options *options);
int command_drop(const struct options *options);
int command_watch(const struct options *options);
int command_doctor(const struct options *options);
int command_lock(const struct options *options);
int command_show(const struct options *options);
int command_top(const struct options *options);
