// SPDX-License-Identifier: MIT
#include "mellow/engine/core/tensor.h"

#include "mellow/engine/core/tensor_impl.h"

namespace mellow {
namespace {

std::array<int64_t, Shape::max_rank> row_major(const Shape& shape) {
  std::array<int64_t, Shape::max_rank> strides{};
  int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[static_cast<size_t>(i)] = step;
    step *= shape[i];
  }
  return strides;
}

size_t bytes_of(const Shape& shape, DType dtype) {
  size_t bytes = 0;
  MELLOW_CHECK(!__builtin_mul_overflow(static_cast<size_t>(shape.count()), size_of(dtype), &bytes),
               "[tensor] ", shape, " needs more bytes than can be addressed");
  return bytes;
}

}  // namespace

Tensor Tensor::empty(Context& context, const Shape& shape, DType dtype) {
  Tensor t;
  t.impl_ = std::make_shared<Impl>();
  t.impl_->context = &context;
  t.impl_->storage = std::make_shared<Storage>(context, bytes_of(shape, dtype));
  t.impl_->shape = shape;
  t.impl_->strides = row_major(shape);
  t.impl_->dtype = dtype;
  return t;
}

Tensor Tensor::zeros(Context& context, const Shape& shape, DType dtype) {
  Tensor t = empty(context, shape, dtype);
  t.zero();
  return t;
}

Tensor Tensor::from_bytes(Context& context, const Shape& shape, DType dtype,
                          std::span<const std::byte> bytes) {
  MELLOW_CHECK(bytes.size() == bytes_of(shape, dtype), "[tensor] ", shape, " of ", name_of(dtype), " takes ",
               bytes_of(shape, dtype), " bytes, got ", bytes.size());
  Tensor t = empty(context, shape, dtype);
  t.copy_from(bytes);
  return t;
}

Context& Tensor::context() const {
  MELLOW_CHECK(defined(), "[tensor] an empty handle has no context");
  return *impl_->context;
}

const Shape& Tensor::shape() const {
  MELLOW_CHECK(defined(), "[tensor] an empty handle has no shape");
  return impl_->shape;
}

DType Tensor::dtype() const {
  MELLOW_CHECK(defined(), "[tensor] an empty handle has no dtype");
  return impl_->dtype;
}

int64_t Tensor::stride(int i) const { return impl_->strides[shape().place_of(i)]; }

bool Tensor::is_contiguous() const {
  int64_t step = 1;
  for (int i = rank() - 1; i >= 0; --i) {
    if (dim(i) != 1 && stride(i) != step) return false;
    step *= dim(i);
  }
  return true;
}

void Tensor::require_dtype(DType wanted) const {
  MELLOW_CHECK(dtype() == wanted, "[tensor] elements are ", name_of(dtype()), ", asked for as ",
               name_of(wanted));
}

void* Tensor::raw_data() const {
  MELLOW_CHECK(defined(), "[tensor] an empty handle has no elements");
  MELLOW_CHECK(impl_->storage != nullptr, "[tensor] the elements of ", shape(),
               " were dropped by recompute_for_backward(): call it after the last op that reads them");
  return static_cast<std::byte*>(impl_->storage->block) +
         impl_->offset * static_cast<int64_t>(size_of(impl_->dtype));
}

Tensor Tensor::view(const Shape& shape) const {
  MELLOW_CHECK(is_contiguous(), "[view] needs a contiguous tensor, strides of ", this->shape(),
               " are not row-major");
  MELLOW_CHECK(shape.count() == count(), "[view] ", this->shape(), " does not hold as many elements as ",
               shape);
  Tensor t;
  t.impl_ = impl_->same_elements();
  t.impl_->shape = shape;
  t.impl_->strides = row_major(shape);
  return t;
}

Tensor Tensor::window(int dim, int64_t from, int64_t to) const {
  if (dim < 0) dim += rank();
  MELLOW_CHECK(dim >= 0 && dim < rank(), "[window] no dimension ", dim, " in ", shape());
  MELLOW_CHECK(0 <= from && from <= to && to <= this->dim(dim), "[window] [", from, ", ", to,
               ") leaves dimension ", dim, " of ", shape());
  Tensor t;
  t.impl_ = impl_->same_elements();
  t.impl_->shape[dim] = to - from;
  t.impl_->offset += from * stride(dim);
  return t;
}

Tensor Tensor::select(int dim, int64_t at) const {
  if (dim < 0) dim += rank();
  Tensor t = window(dim, at, at + 1);
  Shape shape;
  std::array<int64_t, Shape::max_rank> strides{};
  for (int i = 0; i < rank(); ++i)
    if (i != dim) {
      strides[static_cast<size_t>(shape.rank())] = stride(i);
      shape.push_back(this->dim(i));
    }
  t.impl_->shape = shape;
  t.impl_->strides = strides;
  return t;
}

void Tensor::rebind(const Tensor& place) {
  MELLOW_CHECK(shape() == place.shape() && dtype() == place.dtype(), "[rebind] ", shape(), " cannot lie in ",
               place.shape());
  impl_->storage = place.impl_->storage;
  impl_->strides = place.impl_->strides;
  impl_->offset = place.impl_->offset;
}

void Tensor::copy_to(std::span<std::byte> host) const {
  MELLOW_CHECK(is_contiguous(), "[copy] needs a contiguous tensor, got strides in ", shape());
  MELLOW_CHECK(host.size() == bytes_of(shape(), dtype()), "[copy] ", shape(), " takes ",
               bytes_of(shape(), dtype()), " bytes, the host has ", host.size());
  context().backend().copy_out(host.data(), raw_data(), host.size());
}

void Tensor::copy_from(std::span<const std::byte> host) const {
  MELLOW_CHECK(is_contiguous(), "[copy] needs a contiguous tensor, got strides in ", shape());
  MELLOW_CHECK(host.size() == bytes_of(shape(), dtype()), "[copy] ", shape(), " takes ",
               bytes_of(shape(), dtype()), " bytes, the host has ", host.size());
  context().backend().copy_in(raw_data(), host.data(), host.size());
}

void Tensor::copy_from(const Tensor& other) const {
  check_together("copy", *this, other);
  MELLOW_CHECK(shape() == other.shape() && is_contiguous() && other.is_contiguous(), "[copy] ", other.shape(),
               " into ", shape(), ": both must be contiguous and of one shape");
  context().backend().copy(raw_data(), other.raw_data(), bytes_of(shape(), dtype()));
}

void Tensor::zero() const {
  MELLOW_CHECK(is_contiguous(), "[zero] needs a contiguous tensor, got strides in ", shape());
  context().backend().zero(raw_data(), bytes_of(shape(), dtype()));
}

Tensor Tensor::clone() const {
  Tensor t = empty(context(), shape(), dtype());
  t.copy_from(*this);
  return t;
}

bool Tensor::requires_grad() const {
  MELLOW_CHECK(defined(), "[tensor] an empty handle has no gradient");
  return impl_->requires_grad;
}

Tensor& Tensor::set_requires_grad(bool wanted) {
  MELLOW_CHECK(defined(), "[tensor] an empty handle has no gradient");
  impl_->requires_grad = wanted;
  return *this;
}

Tensor Tensor::grad() const {
  MELLOW_CHECK(defined(), "[tensor] an empty handle has no gradient");
  return impl_->grad;
}

void Tensor::set_grad(const Tensor& grad) const {
  MELLOW_CHECK(defined(), "[tensor] an empty handle has no gradient");
  MELLOW_CHECK(!grad.defined() || (grad.shape() == shape() && grad.dtype() == dtype()),
               "[tensor] a gradient has the shape and dtype of its tensor: ", shape());
  impl_->grad = grad;
}

std::vector<double> to_doubles(const Tensor& x) {
  if (x.dtype() == DType::f64) return x.to_vector<double>();
  const auto values = x.to_vector<float>();
  return {values.begin(), values.end()};
}

void check_rank(const char* where, const Tensor& x, int rank, const char* layout) {
  MELLOW_CHECK(x.defined() && x.rank() == rank, "[", where, "] expected ", layout, ", got ",
               x.defined() ? text(x.shape()) : "an empty tensor");
}

void check_together(const char* where, const Tensor& a, const Tensor& b) {
  MELLOW_CHECK(&a.context() == &b.context(), "[", where, "] both tensors must live in one context");
  MELLOW_CHECK(a.dtype() == b.dtype(), "[", where, "] element types differ: ", name_of(a.dtype()), " and ",
               name_of(b.dtype()));
}

}  // namespace mellow
