// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/bf16_tile.h"

#if defined(__AMX_BF16__) || defined(__AMXBF16__)  // the second one: Clang before 17

#include <immintrin.h>

#include "mellow/kernels/cpu/bf16_tile_kernel.h"

namespace mellow::cpu {
namespace {

// Tile registers 0 … 3 hold the sums (row tile · 2 + column tile), 4 and 5 the tiles of A, 6 and 7 those of
// B. The intrinsics want register numbers as literals.
struct AmxUnit {
  static void configure() {
    // Palette 1; bytes 16 …: 64 bytes per row (two per entry); bytes 48 …: 16 rows; for 8 tiles.
    alignas(64) static constexpr unsigned char config[64] = {
        1,  0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 64, 0, 64, 0,  64, 0,  64, 0,  64, 0,
        64, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0,  0, 16, 16, 16, 16, 16, 16, 16, 16};
    _tile_loadconfig(config);
  }
  static void release() { _tile_release(); }
  void clear() {
    // GCC's tile loads do not say that they read memory: without this, the stores that fill A and B look
    // dead.
    asm volatile("" ::: "memory");
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  void load_a(int i, const uint16_t* from, int64_t row_bytes) {
    if (i == 0)
      _tile_loadd(4, from, row_bytes);
    else
      _tile_loadd(5, from, row_bytes);
  }
  void load_b(int i, const uint16_t* from) {
    if (i == 0)
      _tile_loadd(6, from, 64);
    else
      _tile_loadd(7, from, 64);
  }
  void multiply(int i, int j) {
    switch (2 * i + j) {
      case 0: _tile_dpbf16ps(0, 4, 6); break;
      case 1: _tile_dpbf16ps(1, 4, 7); break;
      case 2: _tile_dpbf16ps(2, 5, 6); break;
      default: _tile_dpbf16ps(3, 5, 7);
    }
  }
  void store(int i, int j, float* to, int64_t row_bytes) {
    switch (2 * i + j) {
      case 0: _tile_stored(0, to, row_bytes); break;
      case 1: _tile_stored(1, to, row_bytes); break;
      case 2: _tile_stored(2, to, row_bytes); break;
      default: _tile_stored(3, to, row_bytes);
    }
  }
};

}  // namespace

const Bf16Kernels* amx_kernels() {
  static constexpr Bf16Kernels kernels = make_bf16_kernels<AmxUnit>();
  return &kernels;
}

}  // namespace mellow::cpu

#else

const mellow::cpu::Bf16Kernels* mellow::cpu::amx_kernels() { return nullptr; }

#endif
