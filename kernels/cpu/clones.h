// SPDX-License-Identifier: MIT
#pragma once

// Compiles a function for three instruction sets (AVX-512, AVX2 with FMA, the baseline) and picks one when
// the program is loaded. For plain loops that the compiler vectorises: the library itself is built for any
// x86-64. A macro, because an attribute cannot be named in any other way. Results of the three differ in the
// last bit, where one fuses a multiplication with an addition.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MELLOW_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MELLOW_CLONES
#endif
