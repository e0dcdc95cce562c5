// SPDX-License-Identifier: MIT
#include <algorithm>

#include "mellow/kernels/cuda/conv1d_tensor.h"
#include "mellow/kernels/cuda/conv1d_window.cuh"
#include "mellow/kernels/cuda/floats.cuh"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand_words.cuh"

// Forward, and backward data as the same product on dy with flipped and transposed weights.
namespace mellow::cuda {
namespace {

constexpr int warps_down = 2;                    // of a block, along its steps
constexpr int warp_channels = 32;                // output channels of a warp
constexpr int column_tiles = warp_channels / 8;  // of one mma each
constexpr int quads = chunk / 4;
constexpr int64_t most_weights_per_channel = int64_t{1} << 24;  // those of 64 are counted in an int

// y[item, t, n] (+)= Σ over taps and k of x[item, t · stride + tap · dilation − pad, k] · w(n, tap, k).
// One of n_stride and k_stride is 1.
struct Product {
  Plane x, y;
  const float* w;
  int64_t n_stride, tap_stride, k_stride;
  int64_t taps, stride, dilation, pad;
  bool add;
};

// Words from row to row of what is staged: rows on 4 banks each, so that eight of them meet no conflict.
template <class Format>
constexpr int pitch_of = chunk / Format::per_word + 4;

// Rows of `chunk` channels from `first` on; `series` points at the first channel, `left` are there.
template <class Format>
__device__ void stage_window(const Product& p, const Window& window, const float* series, int64_t first,
                             int64_t left, uint32_t* words) {
  for (int r = 0; r < window.residues; ++r)
#pragma unroll 4
    for (int i = static_cast<int>(threadIdx.x); i < window.rows_each * quads;
         i += static_cast<int>(blockDim.x)) {
      const int row = i / quads, channel = i % quads * 4;
      const float4 value =
          quad_at(series + channel, first + row * p.stride + r, p.x.steps, p.x.step_stride, channel < left);
      *reinterpret_cast<typename Format::Quad*>(words + (r * window.rows_each + row) * pitch_of<Format> +
                                                channel / Format::per_word) = Format::along(value);
    }
}

// One tap's weights [n][k] on their way to shared memory: they wait in registers while the tap before is
// multiplied. They are read in quads along k, or along n when that is how they lie. A block has two threads
// to an output channel.
template <class Format, int threads>
struct Weights {
  static constexpr int per_thread = threads / 2 * quads / threads;
  static constexpr int per_word = Format::per_word, words = chunk / per_word, pitch = pitch_of<Format>;
  const float* from;      // the first tap's, at the block's first n and the chunk's first k
  int place[per_thread];  // of this thread's quads behind the tap's first weight; −1 where there are none
  float4 held[per_thread];

  __device__ Weights(const Product& p, int64_t first_n, int64_t first_k)
      : from(p.w + first_n * p.n_stride + first_k * p.k_stride) {
    const int columns = static_cast<int>(p.y.channels - first_n < threads ? p.y.channels - first_n : threads),
              depth = static_cast<int>(p.x.channels - first_k < chunk ? p.x.channels - first_k : chunk);
#pragma unroll
    for (int j = 0; j < per_thread; ++j) {
      const bool along_k = p.k_stride == 1;
      const int i = static_cast<int>(threadIdx.x) + j / (along_k ? 1 : per_word) * threads;
      const int n = along_k ? i / quads : i / words * 4;
      const int k = along_k ? i % quads * 4 : i % words * per_word + j % per_word;
      place[j] =
          n < columns && k < depth ? n * static_cast<int>(p.n_stride) + k * static_cast<int>(p.k_stride) : -1;
    }
  }
  __device__ void load(const Product& p, int64_t tap) {
    const float* const at = from + tap * p.tap_stride;
#pragma unroll
    for (int j = 0; j < per_thread; ++j)
      held[j] = place[j] < 0 ? float4{0, 0, 0, 0} : *reinterpret_cast<const float4*>(at + place[j]);
  }
  __device__ void store(const Product& p, uint32_t* to) const {
    const int i = static_cast<int>(threadIdx.x);
    if (p.k_stride == 1) {
      to += i / quads * pitch + i % quads * 4 / per_word;
#pragma unroll
      for (int j = 0; j < per_thread; ++j)
        *reinterpret_cast<typename Format::Quad*>(to + j * (threads / quads * pitch)) =
            Format::along(held[j]);
      return;
    }
    to += i / words * 4 * pitch + i % words;
#pragma unroll
    for (int j = 0; j < per_thread / per_word; ++j) {
      const uint4 column = Format::across(held + j * per_word);
      uint32_t* const first = to + j * (threads / words * 4 * pitch);
      first[0] = column.x;
      first[pitch] = column.y;
      first[2 * pitch] = column.z;
      first[3 * pitch] = column.w;
    }
  }
};

// sums[row tile][column tile] += the products of one tap over the staged channels.
template <class Format, int row_tiles>
__device__ void multiply(const uint32_t* x, const uint32_t* w, float (&sums)[row_tiles][column_tiles][4]) {
  constexpr int pitch = pitch_of<Format>;
#pragma unroll
  for (int k = 0; k < chunk / Format::per_word; k += 8) {
    const Fragment columns[2] = {load_two_b(w + k, pitch), load_two_b(w + 16 * pitch + k, pitch)};
#pragma unroll
    for (int row = 0; row < row_tiles; ++row) {
      const Fragment rows = load_a(x + 16 * row * pitch + k, pitch);
#pragma unroll
      for (int n = 0; n < column_tiles; ++n)
        Format::multiply_add(sums[row][n], rows, columns[n / 2].at[n % 2 * 2],
                             columns[n / 2].at[n % 2 * 2 + 1]);
    }
  }
}

// This lane's sums to y: rows g and g + 8 of each tile, two neighbouring channels of each.
template <int row_tiles>
__device__ void write(const Product& p, int64_t item, int64_t first_step, int64_t first_n,
                      const float (&sums)[row_tiles][column_tiles][4]) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
#pragma unroll
  for (int row = 0; row < row_tiles; ++row)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int64_t step = first_step + 16 * row + 8 * half + lane / 4;
      if (step >= p.y.steps) continue;
#pragma unroll
      for (int n = 0; n < column_tiles; ++n) {
        const int64_t channel = first_n + 8 * n + lane % 4 * 2;
        if (channel >= p.y.channels) continue;
        auto& place =
            *reinterpret_cast<float2*>(p.y.data + item * p.y.item_stride + step * p.y.step_stride + channel);
        const float* sum = sums[row][n] + 2 * half;
        place = p.add ? float2{place.x + sum[0], place.y + sum[1]} : float2{sum[0], sum[1]};
      }
    }
}

// The products of one launch. A block computes the sum of `terms` of them.
struct Products {
  Product at[most_branches];
  Window windows[most_branches];
  int taps_at_once[most_branches];
  int terms;
};

// `steps` outputs in time × 32 · across output channels of one series per block, steps / 2 × 32 per warp. 32
// input channels at a time, the window of the input under `taps_at_once` taps is staged once and every tap is
// a product on a shifted view of it; the taps' weights take turns in two buffers.
// Shared memory: the window's rows and two taps' weights, a pitch each, 48 KiB at most.
// Grid: (series · ⌈out_length / steps⌉, ⌈channels of y / (32 · across)⌉, products / terms).
template <class Format, int steps, int across>
__global__ void __launch_bounds__(warps_down* across* warp_size)
    tensor_product(const __grid_constant__ Products products) {
  constexpr int pitch = pitch_of<Format>, threads = warps_down * across * warp_size;
  constexpr int row_tiles = steps / warps_down / 16, weight_words = across * warp_channels * pitch;
  uint32_t* const x_words = dynamic_shared();
  const int warp = static_cast<int>(threadIdx.x) / warp_size;
  const int down = warp % warps_down * (steps / warps_down), right = warp / warps_down * warp_channels;
  const int first = static_cast<int>(blockIdx.z) * products.terms;
  const Product& of_y = products.at[first];
  const int64_t tiles = (of_y.y.steps + steps - 1) / steps;
  const int64_t item = blockIdx.x / tiles, first_step = blockIdx.x % tiles * steps;
  const int64_t first_n = static_cast<int64_t>(blockIdx.y) * (across * warp_channels);
  float sums[row_tiles][column_tiles][4] = {};
  for (int term = first; term < first + products.terms; ++term) {
    const Product& p = products.at[term];
    const Window window = products.windows[term];
    const int taps_at_once = products.taps_at_once[term];
    uint32_t* const w_words = x_words + window.rows() * pitch;
    for (int64_t k = 0; k < p.x.channels; k += chunk) {
      Weights<Format, threads> weights(p, first_n, k);
      const int all_taps = static_cast<int>(p.taps);
      for (int first_tap = 0; first_tap < all_taps; first_tap += taps_at_once) {
        const int taps = min(all_taps - first_tap, taps_at_once);
        weights.load(p, first_tap);
        __syncthreads();  // the window before has been used
        stage_window<Format>(p, window, p.x.data + item * p.x.item_stride + k,
                             first_step * p.stride + first_tap * p.dilation - p.pad, p.x.channels - k,
                             x_words);
        TapRow seen;
        for (int tap = 0; tap < taps; ++tap, seen.next(window)) {
          uint32_t* const here = w_words + tap % 2 * weight_words;
          weights.store(p, here);
          __syncthreads();  // all is staged, and the buffer of the tap before is free
          if (tap + 1 < taps) weights.load(p, first_tap + tap + 1);
          multiply<Format, row_tiles>(x_words + (seen.row(window) + down) * pitch, here + right * pitch,
                                      sums);
        }
      }
    }
  }
  write<row_tiles>(of_y, item, first_step + down, first_n + right, sums);
}

// As many taps share a window as fit; taps that lie a whole tile apart share nothing, and each has its own.
template <class Format, int steps, int across>
void launch(Cuda& cuda, Products& products, int count) {
  constexpr int pitch = pitch_of<Format>, weight_rows = 2 * across * warp_channels;
  constexpr int64_t row_bytes = pitch * sizeof(uint32_t);
  int rows = 0;
  for (int i = 0; i < count; ++i) {
    const Product& p = products.at[i];
    int64_t taps = p.dilation >= steps * p.stride ? 1 : p.taps;
    while (taps > 1 &&
           (window_rows(steps, taps, p.stride, p.dilation) + weight_rows) * row_bytes > window_budget)
      --taps;
    products.windows[i] = window_of(steps, taps, p.stride, p.dilation);
    products.taps_at_once[i] = static_cast<int>(taps);
    rows = std::max(rows, products.windows[i].rows());
  }
  const Plane& y = products.at[0].y;
  const dim3 grid(blocks_for(y.items * ((y.steps + steps - 1) / steps), 1),
                  blocks_for(y.channels, across * warp_channels),
                  static_cast<unsigned>(count / products.terms));
  launch_grid(cuda, tensor_product<Format, steps, across>, grid, warps_down * across * warp_size,
              static_cast<size_t>((rows + weight_rows) * row_bytes), products);
}

// 128 steps to a block unless 64 leave fewer idle, or a stride would need twice the window.
template <class Format>
void launch(Cuda& cuda, Products& products, int count) {
  const Product& p = products.at[0];
  const bool tall = p.stride == 1 && (p.y.steps - 1) % 128 >= 64, wide = p.y.channels > warp_channels;
  if (tall)
    wide ? launch<Format, 128, 2>(cuda, products, count) : launch<Format, 128, 1>(cuda, products, count);
  else
    wide ? launch<Format, 64, 2>(cuda, products, count) : launch<Format, 64, 1>(cuda, products, count);
}

Product product_of(const ConvWork& work) {
  const ConvSizes& s = work.sizes;
  const int64_t tap = s.in_channels, row = s.width * tap;  // strides of w
  if (work.pass == ConvPass::forward)
    return {work.x, work.y, work.w.data, row, tap, 1, s.width, s.stride, s.dilation, s.pad_left, work.add};
  return {work.y, work.x,     work.w.data + (s.width - 1) * tap,       1,       -tap, row, s.width,
          1,      s.dilation, (s.width - 1) * s.dilation - s.pad_left, work.add};
}

bool rows_are_aligned(const Plane& p) { return in_fours(p.data, {p.item_stride, p.step_stride}); }

bool serves(const ConvWork& work) {
  const ConvSizes& s = work.sizes;
  return s.groups == 1 && s.in_channels % 8 == 0 && s.out_channels % 8 == 0 && rows_are_aligned(work.x) &&
         rows_are_aligned(work.w) && rows_are_aligned(work.y) &&
         s.width * s.in_channels <= most_weights_per_channel &&
         (work.pass != ConvPass::backward_data || s.stride == 1);
}

}  // namespace

bool tensor_core_serves(Cuda& cuda, ConvWorks works) {
  const bool rounds = cuda.precision() == Precision::tf32 || cuda.precision() == Precision::bf16;
  return cuda.state().tensor_cores && rounds && works.size() <= most_branches &&
         std::all_of(works.begin(), works.end(), serves);
}

void conv1d_tensor(Cuda& cuda, ConvWorks works) {
  const ConvPass pass = works.front().pass;
  if (pass == ConvPass::backward_filter) return conv1d_tensor_filter(cuda, works);
  Products products{};
  std::transform(works.begin(), works.end(), products.at, product_of);
  const int count = static_cast<int>(works.size());
  products.terms = pass == ConvPass::forward ? 1 : count;
  cuda.precision() == Precision::bf16 ? launch<Bf16>(cuda, products, count)
                                      : launch<Tf32>(cuda, products, count);
}

}  // namespace mellow::cuda
