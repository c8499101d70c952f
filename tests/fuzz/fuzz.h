/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_FUZZ_FUZZ_H
#define AVL_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* What every fuzz_*.c defines. libFuzzer calls it with inputs it makes up, replay.c with those of
 * the corpus. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process with a core where something that must hold does not. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : __builtin_trap())

#endif
