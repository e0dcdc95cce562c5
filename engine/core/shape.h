// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>

#include "mellow/engine/core/error.h"

namespace mellow {

// Up to five dimensions, held in place: making a shape never allocates.
class Shape {
 public:
  static constexpr int max_rank = 5;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : rank_(static_cast<int>(dims.size())) {
    MELLOW_CHECK(dims.size() <= max_rank, "[shape] at most ", max_rank, " dimensions, got ", dims.size());
    std::copy(dims.begin(), dims.end(), dims_.begin());
    for (int64_t d : dims) MELLOW_CHECK(d >= 0, "[shape] negative dimension ", d);
  }

  int rank() const { return rank_; }
  // Dimension i; negative i counts from the end. Throws for one that is not there.
  int64_t operator[](int i) const { return dims_[place_of(i)]; }
  int64_t& operator[](int i) { return dims_[place_of(i)]; }
  // Where dimension i stands, counted from the front.
  size_t place_of(int i) const {
    const int place = i < 0 ? rank_ + i : i;
    MELLOW_CHECK(place >= 0 && place < rank_, "[shape] no dimension ", i, " in ", *this);
    return static_cast<size_t>(place);
  }
  void push_back(int64_t d) {
    MELLOW_CHECK(rank_ < max_rank, "[shape] at most ", max_rank, " dimensions");
    dims_[static_cast<size_t>(rank_++)] = d;
  }
  // Number of elements; throws when the product does not fit in 63 bits.
  int64_t count() const {
    int64_t n = 1;
    for (int i = 0; i < rank_; ++i)
      MELLOW_CHECK(!__builtin_mul_overflow(n, dims_[static_cast<size_t>(i)], &n), "[shape] ", *this,
                   " has too many elements");
    return n;
  }
  bool operator==(const Shape& o) const {
    return rank_ == o.rank_ && std::equal(dims_.begin(), dims_.begin() + rank_, o.dims_.begin());
  }
  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }

  friend std::ostream& operator<<(std::ostream& out, const Shape& s) {
    out << '[';
    for (int i = 0; i < s.rank_; ++i) out << (i ? ", " : "") << s.dims_[static_cast<size_t>(i)];
    return out << ']';
  }

 private:
  std::array<int64_t, max_rank> dims_{};
  int rank_ = 0;
};

}  // namespace mellow
