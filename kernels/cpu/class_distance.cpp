// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/class_distance.h"

#include <cmath>
#include <vector>

#include "mellow/kernels/cpu/column_sums.h"
#include "mellow/kernels/cpu/product.h"
#include "mellow/kernels/cpu/scratch.h"

namespace mellow {
namespace {

constexpr int64_t tile_rows = 64, tile_columns = 512;

// Below this share of ‖a‖² + ‖b‖², ‖a‖² + ‖b‖² − 2ab has lost too many digits. At it, a distance in float is
// still good to about 1e-5, their mean to more.
constexpr double cancelled = 1e-2;

// The samples ordered by class, so that the members of a class are neighbours.
struct ByClass {
  std::vector<int64_t> sample;  // at each position
  std::vector<int64_t> begin;   // first position of each class, and the number of samples
};

ByClass order_by_class(const Tensor& labels, int64_t classes) {
  const auto* label = labels.data<int32_t>();
  ByClass order;
  for (int64_t n = 0; n < classes; ++n) {
    order.begin.push_back(static_cast<int64_t>(order.sample.size()));
    for (int64_t i = 0; i < labels.dim(0); ++i)
      if (label[i] == n) order.sample.push_back(i);
  }
  order.begin.push_back(labels.dim(0));
  return order;
}

template <class T>
struct Samples {
  int64_t count, dims;
  const ByClass& order;
  const T* x;  // as given, in the order of the samples
  T* centred;  // less a common point, ordered by class
  T* squares;  // ‖centred‖²
  const T* at(int64_t position) const { return x + order.sample[static_cast<size_t>(position)] * dims; }
};

template <class T>
void centre(const Cpu& cpu, const Samples<T>& s, T* mean) {
  cpu::column_sums(cpu, {s.count, s.dims, s.dims}, s.x, mean, false);
  for (int64_t c = 0; c < s.dims; ++c) mean[c] /= static_cast<T>(s.count);
  cpu::parallel_for(cpu, s.count, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T* from = s.at(i);
      T* to = s.centred + i * s.dims;
      double square = 0;
#pragma omp simd reduction(+ : square)
      for (int64_t c = 0; c < s.dims; ++c) {
        to[c] = from[c] - mean[c];
        square += static_cast<double>(to[c]) * static_cast<double>(to[c]);
      }
      s.squares[i] = static_cast<T>(square);
    }
  });
}

// Σ (a − b)² from the samples as given: the difference of close numbers is exact.
template <class T>
T direct(const Samples<T>& s, int64_t i, int64_t j) {
  const T *a = s.at(i), *b = s.at(j);
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < s.dims; ++c) {
    const auto d = static_cast<double>(a[c] - b[c]);
    sum += d * d;
  }
  return static_cast<T>(sum);
}

// The distances from position i to [begin, begin + count), from their dot products, in place.
template <class T>
void distances(const Samples<T>& s, int64_t i, int64_t begin, int64_t count, T* dots) {
  const T own = s.squares[i], *squares = s.squares + begin;
  const auto threshold = static_cast<T>(cancelled);
  int lost = 0;
#pragma omp simd reduction(| : lost)
  for (int64_t j = 0; j < count; ++j) {
    dots[j] = own + squares[j] - 2 * dots[j];
    lost |= dots[j] <= threshold * (own + squares[j]) ? 1 : 0;
  }
  for (int64_t j = 0; lost != 0 && j < count; ++j)
    if (dots[j] <= threshold * (own + squares[j])) dots[j] = direct(s, i, begin + j);
  for (int64_t j = 0; j < count; ++j) dots[j] = std::sqrt(dots[j]);
}

// sums[n] += Σ of the distances to members of class n among positions [begin, begin + count).
template <class T>
void add_by_class(const ByClass& order, int64_t begin, int64_t count, const T* distance, double* sums) {
  for (size_t n = 0; n + 1 < order.begin.size(); ++n) {
    const int64_t from = std::max(order.begin[n], begin), to = std::min(order.begin[n + 1], begin + count);
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = from; j < to; ++j) sum += static_cast<double>(distance[j - begin]);
    sums[n] += sum;
  }
}

template <class T>
cpu::Gemm<T> dot_products(const Samples<T>& s, int64_t row, int64_t column, T* dots) {
  return {.m = std::min(tile_rows, s.count - row),
          .n = std::min(tile_columns, s.count - column),
          .k = s.dims,
          .a = s.centred + row * s.dims,
          .lda = s.dims,
          .b = s.centred + column * s.dims,
          .ldb = s.dims,
          .trans_b = true,
          .c = dots,
          .ldc = tile_columns};
}

// What one thread works in: the products of a tile, the sums of its rows, and the product's own workspace.
template <class T>
struct Room {
  T* dots;
  double* sums;  // [tile_rows, classes]
  void* workspace;
  size_t bytes;
};

template <class T>
void run_tile(const Samples<T>& s, int64_t row, const Room<T>& room, T* out) {
  const auto classes = static_cast<int64_t>(s.order.begin.size()) - 1;
  const int64_t rows = std::min(tile_rows, s.count - row);
  std::fill_n(room.sums, rows * classes, 0.0);
  for (int64_t column = 0; column < s.count; column += tile_columns) {
    const auto product = dot_products(s, row, column, room.dots);
    cpu::strict_product(product, room.workspace, room.bytes);
    for (int64_t r = 0; r < rows; ++r) {
      T* line = room.dots + r * tile_columns;
      distances(s, row + r, column, product.n, line);
      add_by_class(s.order, column, product.n, line, room.sums + r * classes);
    }
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t n = 0; n < classes; ++n) {
      const auto at = static_cast<size_t>(n);
      const auto members = static_cast<double>(s.order.begin[at + 1] - s.order.begin[at]);
      out[s.order.sample[static_cast<size_t>(row + r)] * classes + n] =
          static_cast<T>(room.sums[r * classes + n] / members);
    }
}

}  // namespace

void class_distances(Cpu& cpu, const Tensor& x, const Tensor& labels, const Tensor& out) {
  const int64_t count = x.dim(0), dims = x.dim(1), classes = out.dim(1);
  const ByClass order = order_by_class(labels, classes);
  const cpu::Split tiles = cpu::split(cpu, (count + tile_rows - 1) / tile_rows, 1);
  Context& context = x.context();
  const Tensor centred = Tensor::empty(context, {count + 1, dims}, x.dtype());  // the last row holds the mean
  const Tensor squares = Tensor::empty(context, {count}, x.dtype());
  const Tensor dots = Tensor::empty(context, {tiles.parts, tile_rows, tile_columns}, x.dtype());
  const Tensor sums = Tensor::empty(context, {tiles.parts, tile_rows, classes}, DType::f64);
  cpu::for_float("class_distances", x.dtype(), [&]<class T>() {
    const Samples<T> s{count, dims, order, x.data<T>(), centred.data<T>(), squares.data<T>()};
    centre(cpu, s, s.centred + count * dims);
    const size_t bytes = cpu::strict_product_workspace(dot_products<T>(s, 0, 0, nullptr));
    const cpu::Scratch workspace(cpu, bytes * static_cast<size_t>(tiles.parts));
    cpu::for_parts(tiles, [&](int part, int64_t begin, int64_t end) {
      const Room<T> room{
          dots.data<T>() + part * tile_rows * tile_columns, sums.data<double>() + part * tile_rows * classes,
          static_cast<std::byte*>(workspace.data()) + static_cast<size_t>(part) * bytes, bytes};
      for (int64_t t = begin; t < end; ++t) run_tile(s, t * tile_rows, room, out.data<T>());
    });
  });
}

}  // namespace mellow
