// SPDX-License-Identifier: MIT
// The twin of kernels/cuda/mma_instructions.cuh against plain matrix products. Its fragments are filled here
// by the formulas of the PTX ISA, element by element.
#include <cmath>
#include <vector>

#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/mma.cuh"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/rounding.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// «Matrix Fragments for mma.m16n8k8», .tf32, of c := a · b + c with a [16, 8], b [8, 8], c [16, 8].
__global__ void product_tf32(const float* a, const float* b, float* c) {
  const int group = static_cast<int>(threadIdx.x) >> 2, in_group = static_cast<int>(threadIdx.x) % 4;
  cuda::Fragment fragment{};
  for (int i = 0; i < 4; ++i) {
    const int row = i == 0 || i == 2 ? group : group + 8, col = i < 2 ? in_group : in_group + 4;
    fragment.at[i] = cuda::tf32_word(a[row * 8 + col]);
  }
  const uint32_t b0 = cuda::tf32_word(b[in_group * 8 + group]),
                 b1 = cuda::tf32_word(b[(in_group + 4) * 8 + group]);
  float sums[4];
  auto place = [&](int i) -> float& { return c[(i < 2 ? group : group + 8) * 8 + in_group * 2 + (i & 1)]; };
  for (int i = 0; i < 4; ++i) sums[i] = place(i);
  cuda::multiply_tf32(sums, fragment, b0, b1);
  for (int i = 0; i < 4; ++i) place(i) = sums[i];
}

// «Matrix Fragments for mma.m16n8k16 with floating point type», .bf16: a [16, 16], b [16, 8].
__global__ void product_bf16(const float* a, const float* b, float* c) {
  const int group = static_cast<int>(threadIdx.x) >> 2, in_group = static_cast<int>(threadIdx.x) % 4;
  float of_a[8], of_b[4];
  for (int i = 0; i < 8; ++i) {
    const int row = i < 2 || (i >= 4 && i < 6) ? group : group + 8;
    of_a[i] = a[row * 16 + in_group * 2 + (i & 1) + (i < 4 ? 0 : 8)];
  }
  for (int i = 0; i < 4; ++i) of_b[i] = b[(in_group * 2 + (i & 1) + (i < 2 ? 0 : 8)) * 8 + group];
  cuda::Fragment fragment{};
  for (int i = 0; i < 4; ++i) fragment.at[i] = cuda::bf16_word(of_a[2 * i], of_a[2 * i + 1]);
  float sums[4];
  auto place = [&](int i) -> float& { return c[(i < 2 ? group : group + 8) * 8 + in_group * 2 + (i & 1)]; };
  for (int i = 0; i < 4; ++i) sums[i] = place(i);
  cuda::multiply_bf16(sums, fragment, cuda::bf16_word(of_b[0], of_b[1]), cuda::bf16_word(of_b[2], of_b[3]));
  for (int i = 0; i < 4; ++i) place(i) = sums[i];
}

// words[row][word] := 100 · row + word, read as fragments and written back by their lanes.
__global__ void read_fragments(uint32_t* got) {
  constexpr int pitch = 12;
  uint32_t* const words = cuda::dynamic_shared();
  for (int i = static_cast<int>(threadIdx.x); i < 16 * 8; i += 32)
    words[i / 8 * pitch + i % 8] = i / 8 * 100u + i % 8;
  __syncthreads();
  const cuda::Fragment a = cuda::load_a(words, pitch), b = cuda::load_two_b(words, pitch);
  for (int i = 0; i < 4; ++i) {
    got[threadIdx.x * 8 + i] = a.at[i];
    got[threadIdx.x * 8 + 4 + i] = b.at[i];
  }
}

std::vector<float> floats(int64_t n, uint64_t seed) {
  const auto values = random_values(n, seed);
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("mma: fragments by the PTX ISA give the matrix product") {
  Context context({.device = Device::cuda});
  for (const Precision precision : {Precision::tf32, Precision::bf16}) {
    const int depth = precision == Precision::tf32 ? 8 : 16;
    const auto a = floats(16 * depth, 1), b = floats(depth * 8, 2), before = floats(16 * 8, 3);
    auto c = before;
    cuda::launch_grid(context.cuda(), precision == Precision::tf32 ? product_tf32 : product_bf16, dim3(1), 32,
                      0, a.data(), b.data(), c.data());
    for (int row = 0; row < 16; ++row)
      for (int column = 0; column < 8; ++column) {
        const auto at = static_cast<size_t>(row * 8 + column);
        double exact = before[at];
        for (int k = 0; k < depth; ++k)
          exact += rounded(a[static_cast<size_t>(row * depth + k)], precision) *
                   rounded(b[static_cast<size_t>(k * 8 + column)], precision);
        CHECK(c[at] == doctest::Approx(exact).epsilon(1e-6));
      }
  }
}

TEST_CASE("mma: fragments are read as they are multiplied") {
  Context context({.device = Device::cuda});
  std::vector<uint32_t> got(32 * 8);
  cuda::launch_grid(context.cuda(), read_fragments, dim3(1), 32, (15 * 12 + 8) * sizeof(uint32_t),
                    got.data());
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (uint32_t i = 0; i < 4; ++i) {
      CHECK(got[lane * 8 + i] == (lane / 4 + i % 2 * 8) * 100 + lane % 4 + i / 2 * 4);
      CHECK(got[lane * 8 + 4 + i] == (lane / 4 + i / 2 * 8) * 100 + lane % 4 + i % 2 * 4);
    }
}

TEST_CASE("mma: operands are rounded by their formats' rules") {
  for (const double value : random_values(2000, 4, -8, 8)) {
    const auto x = static_cast<float>(value);
    CHECK(std::bit_cast<float>(cuda::tf32_word(x)) == rounded(x, Precision::tf32));
    CHECK(std::bit_cast<float>(cuda::bf16_word(0, x)) == rounded(x, Precision::bf16));
    CHECK(cuda::bf16_word(x, 0) == cuda::bf16_word(0, x) >> 16);
  }
  const float tie = 1 + 0x1p-11f;  // halfway between two tf32
  CHECK(std::bit_cast<float>(cuda::tf32_word(tie)) == 1 + 0x1p-10f);
  CHECK(std::bit_cast<float>(cuda::tf32_word(-tie)) == -1 - 0x1p-10f);
  CHECK(std::bit_cast<float>(cuda::bf16_word(0, 1 + 0x1p-8f)) == 1);
  CHECK(std::bit_cast<float>(cuda::bf16_word(0, 1 + 0x3p-8f)) == 1 + 0x1p-6f);
  for (const float odd : {INFINITY, -INFINITY, 0.0f})
    CHECK(std::bit_cast<float>(cuda::tf32_word(odd)) == odd);
  for (const uint32_t nan : {0x7FFFFFFFu, 0xFFFFFFFFu, 0x7F800001u}) {
    CHECK(std::isnan(std::bit_cast<float>(cuda::tf32_word(std::bit_cast<float>(nan)))));
    CHECK(std::isnan(std::bit_cast<float>(cuda::bf16_word(0, std::bit_cast<float>(nan)))));
  }
}
