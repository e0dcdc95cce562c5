// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/cpu_features.h"

#include <array>
#include <cstdlib>
#include <iterator>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "mellow/engine/core/error.h"

namespace mellow::cpu {
namespace {

#if defined(__x86_64__) && defined(__linux__)

// CPUID leaf 7: EDX bit 24 AMX-TILE, bit 22 AMX-BF16. Linux (since 5.16) lets a process use the tile
// registers only after arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA).
bool may_use_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr unsigned amx_bits = 1u << 24 | 1u << 22;
  if ((d & amx_bits) != amx_bits) return false;
  constexpr long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

bool detect(Isa isa) {
  switch (isa) {
    case Isa::portable: return true;
    case Isa::avx2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx512:
      return detect(Isa::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    case Isa::avx512_bf16: return detect(Isa::avx512) && __builtin_cpu_supports("avx512bf16");
    case Isa::amx: return detect(Isa::avx512) && may_use_amx();
  }
  return false;
}

#else

bool detect(Isa isa) { return isa == Isa::portable; }

#endif

Isa choose() {
  if (const char* wanted = std::getenv("MELLOW_ISA")) {
    for (Isa isa : all_isas) {
      if (std::string(wanted) != name_of(isa)) continue;
      if (!has_isa(isa))
        throw Error(text("[cpu] MELLOW_ISA asks for ", wanted, ", which this machine cannot run; unset it"),
                    ErrorKind::unsupported);
      return isa;
    }
    throw Error(
        text("[cpu] MELLOW_ISA is \"", wanted, "\"; it must be portable, avx2, avx512, avx512_bf16 or amx"));
  }
  Isa best = Isa::portable;
  for (Isa isa : all_isas)
    if (has_isa(isa)) best = isa;
  return best;
}

}  // namespace

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::portable: return "portable";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
    case Isa::avx512_bf16: return "avx512_bf16";
    case Isa::amx: return "amx";
  }
  return "?";
}

bool has_isa(Isa isa) {
  static const auto found = [] {
    std::array<bool, std::size(all_isas)> sets{};
    for (const Isa each : all_isas) sets[static_cast<size_t>(each)] = detect(each);
    return sets;
  }();
  return found[static_cast<size_t>(isa)];
}

Isa best_isa() {
  static const Isa best = choose();
  return best;
}

}  // namespace mellow::cpu
