// SPDX-License-Identifier: MIT
#pragma once

namespace mellow::cpu {

// Instruction sets the kernels are written for, from the narrowest; a set uses the kernels of the narrower
// ones where it has none of its own. avx2 means AVX2 + FMA, avx512 means F + BW + DQ + VL, avx512_bf16 adds
// AVX512-BF16 to these, amx AMX-TILE and AMX-BF16.
enum class Isa { portable, avx2, avx512, avx512_bf16, amx };
constexpr Isa all_isas[] = {Isa::portable, Isa::avx2, Isa::avx512, Isa::avx512_bf16, Isa::amx};

const char* name_of(Isa isa);

// The unit of a set among those that exist for some: a pointer is null where the build has none.
template <class Unit>
const Unit& unit_for(Isa isa, const Unit* avx2, const Unit* avx512, const Unit& portable) {
  const Unit* found = isa >= Isa::avx512 ? avx512 : isa == Isa::avx2 ? avx2 : nullptr;
  return found ? *found : portable;
}

// True when this processor, its operating system and this build can run the set. For amx the first call asks
// Linux for permission to use the tile registers.
bool has_isa(Isa isa);

// The widest set available, or the one named by the environment variable MELLOW_ISA (portable, avx2, avx512,
// avx512_bf16, amx). Throws Error when MELLOW_ISA names no set or one this machine cannot run. It binds the
// products and convolutions written here; loops marked MELLOW_CLONES and oneDNN choose by the processor
// alone.
Isa best_isa();

}  // namespace mellow::cpu
