// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mellow/engine/core/context.h"
#include "mellow/engine/core/dtype.h"
#include "mellow/engine/core/shape.h"

namespace mellow {

// A bfloat16 as stored: the upper half of a float32.
struct bfloat16 {
  uint16_t bits = 0;
};

template <class T>
inline constexpr DType dtype_of = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<bfloat16> = DType::bf16;
template <>
inline constexpr DType dtype_of<int32_t> = DType::i32;
template <>
inline constexpr DType dtype_of<int64_t> = DType::i64;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::u8;

// A handle on an n-dimensional array: copies of a handle share elements, gradient and name on the tape.
// Activations are channels-last, [batch, length, channels]. Not for use by two threads at once.
class Tensor {
 public:
  Tensor() = default;

  static Tensor empty(Context& context, const Shape& shape, DType dtype = DType::f32);  // elements undefined
  static Tensor zeros(Context& context, const Shape& shape, DType dtype = DType::f32);
  // Copies `values` (row-major) to the context's device; throws when the count does not fit the shape.
  template <class T>
  static Tensor from(Context& context, const Shape& shape, std::span<const T> values) {
    return from_bytes(context, shape, dtype_of<T>, std::as_bytes(values));
  }
  template <class T>
  static Tensor from(Context& context, const Shape& shape, const std::vector<T>& values) {
    return from(context, shape, std::span<const T>(values));
  }
  static Tensor from_bytes(Context& context, const Shape& shape, DType dtype,
                           std::span<const std::byte> bytes);

  bool defined() const { return impl_ != nullptr; }
  explicit operator bool() const { return defined(); }
  Context& context() const;
  const Shape& shape() const;
  int rank() const { return shape().rank(); }
  int64_t dim(int i) const { return shape()[i]; }
  int64_t count() const { return shape().count(); }
  DType dtype() const;
  int64_t stride(int i) const;  // in elements
  bool is_contiguous() const;

  // The device address of the first element; T must match dtype().
  template <class T>
  T* data() const {
    require_dtype(dtype_of<T>);
    return static_cast<T*>(raw_data());
  }
  void* raw_data() const;

  // Views share elements and know nothing of the tape; ops of the same effect live in engine/ops.
  Tensor view(const Shape& shape) const;                   // same elements, contiguous only
  Tensor window(int dim, int64_t from, int64_t to) const;  // [from, to) along one dimension
  Tensor select(int dim, int64_t at) const;                // the window at `at`, that dimension dropped
  // Makes this handle's array lie where `place` lies; shapes and dtypes must agree. Every copy of the handle
  // follows.
  void rebind(const Tensor& place);

  // Copies between host and device, row-major. to_vector waits for the device.
  template <class T>
  std::vector<T> to_vector() const {
    require_dtype(dtype_of<T>);
    std::vector<T> values(static_cast<size_t>(count()));
    copy_to(std::as_writable_bytes(std::span(values)));
    return values;
  }
  template <class T>
  T item() const {
    MELLOW_CHECK(count() == 1, "[tensor] item() needs one element, the shape is ", shape());
    return to_vector<T>()[0];
  }
  void copy_to(std::span<std::byte> host) const;          // contiguous tensors only
  void copy_from(std::span<const std::byte> host) const;  // contiguous tensors only
  void copy_from(const Tensor& other) const;  // same shape and dtype, both contiguous, same device
  void zero() const;                          // contiguous tensors only
  Tensor clone() const;                       // contiguous tensors only; a new array, off the tape

  // What the tape knows: a leaf that wants a gradient, and the gradient's array.
  bool requires_grad() const;
  Tensor& set_requires_grad(bool wanted = true);
  Tensor grad() const;
  void set_grad(const Tensor& grad) const;

  bool operator==(const Tensor& o) const { return impl_ == o.impl_; }  // same handle, not same values

 private:
  friend class Tape;
  struct Impl;
  void require_dtype(DType wanted) const;
  std::shared_ptr<Impl> impl_;
};

// The values of a float32 or float64 tensor, row-major; waits for the device.
std::vector<double> to_doubles(const Tensor& x);

// Throws unless x has this rank; `where` is the op's name, `layout` says what the dimensions mean.
void check_rank(const char* where, const Tensor& x, int rank, const char* layout);
// Throws unless both lie in the same context and have the same dtype.
void check_together(const char* where, const Tensor& a, const Tensor& b);

}  // namespace mellow
