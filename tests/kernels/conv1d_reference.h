// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <new>
#include <random>
#include <vector>

#include "mellow/kernels/cpu/conv1d_kernels.h"

// The three passes straight from the definition, summed in double, and what the tests and the benchmark
// share.
namespace mellow::testing {

using cpu::Conv1dSizes;

// The sizes with no gaps between rows and samples.
inline Conv1dSizes packed(Conv1dSizes s) {
  s.x_row = s.in_channels;
  s.x_batch = s.in_length * s.x_row;
  s.y_row = s.out_channels;
  s.y_batch = s.out_length * s.y_row;
  return s;
}

// Calls visit(y index, x index, w index) for every product of the convolution that touches the series.
template <class Visit>
void for_each_product(const Conv1dSizes& s, Visit visit) {
  const int64_t depth = s.in_channels / s.groups, columns = s.out_channels / s.groups;
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t t = 0; t < s.out_length; ++t)
      for (int64_t n = 0; n < s.out_channels; ++n)
        for (int64_t j = 0; j < s.width; ++j) {
          const int64_t i = t * s.stride + j * s.dilation - s.pad_left;
          if (i < 0 || i >= s.in_length) continue;
          for (int64_t d = 0; d < depth; ++d)
            visit(b * s.y_batch + t * s.y_row + n, b * s.x_batch + i * s.x_row + n / columns * depth + d,
                  (n * s.width + j) * depth + d);
        }
}

struct ConvResult {
  std::vector<double> y, dx, dw, dbias;
};

// Adds y (without bias), dx, dw and dbias to what is there.
template <class T>
void add_reference(const Conv1dSizes& s, const T* x, const T* w, const T* dy, ConvResult& to) {
  for_each_product(s, [&](int64_t y, int64_t i, int64_t k) {
    to.y[y] += double(x[i]) * double(w[k]);
    to.dx[i] += double(dy[y]) * double(w[k]);
    to.dw[k] += double(dy[y]) * double(x[i]);
  });
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t t = 0; t < s.out_length; ++t)
      for (int64_t n = 0; n < s.out_channels; ++n) to.dbias[n] += double(dy[b * s.y_batch + t * s.y_row + n]);
}

inline int64_t x_elements(const Conv1dSizes& s) {
  return s.batch == 0 || s.in_length == 0
             ? 0
             : (s.batch - 1) * s.x_batch + (s.in_length - 1) * s.x_row + s.in_channels;
}
inline int64_t y_elements(const Conv1dSizes& s) {
  return s.batch == 0 || s.out_length == 0
             ? 0
             : (s.batch - 1) * s.y_batch + (s.out_length - 1) * s.y_row + s.out_channels;
}
inline int64_t w_elements(const Conv1dSizes& s) {
  return s.out_channels * s.width * (s.in_channels / s.groups);
}

// Workspace of exactly the size asked for, so that AddressSanitizer sees the first byte beyond it.
class Workspace {
 public:
  explicit Workspace(size_t bytes) : data_(::operator new(bytes, std::align_val_t(64))), bytes_(bytes) {}
  ~Workspace() { ::operator delete(data_, std::align_val_t(64)); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  void lend_to(cpu::KernelOptions& options) const {
    options.workspace = data_;
    options.workspace_bytes = bytes_;
  }

 private:
  void* data_;
  size_t bytes_;
};

// Reproducible values of about unit size.
template <class T>
std::vector<T> random_values(int64_t count, unsigned seed) {
  std::mt19937 bits(seed);
  std::vector<T> values(count);
  for (T& v : values) v = static_cast<T>(static_cast<double>(bits()) / 2147483648.0 - 1.0);
  return values;
}

}  // namespace mellow::testing
