/*
 * Fails one call of the C library in a chosen place: the n-th allocation or system call from
 * now on, among those that the linker has wrapped (--wrap of ld(1), listed in daemon.mk and
 * lib.mk). Calls that only give something back are never failed.
 */
#pragma once

#include <stdbool.h>

/* The n-th call from now on fails, n from 1; each later one works. */
void fault_arm(unsigned n);

/* No call fails any more. Returns whether one did. */
bool fault_disarm(void);

/* The name of the function that failed last. */
const char *fault_name(void);
