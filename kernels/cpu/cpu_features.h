// SPDX-License-Identifier: MIT
#pragma once

namespace mellow::cpu {

// Instruction sets the kernels are written for, each containing the ones before it.
// avx2 means AVX2 + FMA, avx512 means F + BW + DQ + VL, amx adds AMX-TILE and AMX-BF16.
enum class Isa { portable, avx2, avx512, amx };

const char* name_of(Isa isa);

// True when this processor, its operating system and this build can run the set. For amx the first call asks
// Linux for permission to use the tile registers.
bool has_isa(Isa isa);

// The widest set available, or the one named by the environment variable MELLOW_ISA (portable, avx2, avx512,
// amx). Throws Error when MELLOW_ISA names no set or one this machine cannot run. It binds the products and
// convolutions written here; loops marked MELLOW_CLONES and oneDNN choose by the processor alone.
Isa best_isa();

}  // namespace mellow::cpu
