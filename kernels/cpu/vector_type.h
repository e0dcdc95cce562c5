// SPDX-License-Identifier: MIT
#pragma once

// GCC/Clang vectors of `lanes` elements. In an unnamed namespace for the reason given in tile_kernel.h.
namespace mellow::cpu {
namespace {

template <class T, int lanes>
struct Vector {
  // NOLINTBEGIN(modernize-use-using): GCC takes these attributes on a typedef alone
  typedef T type __attribute__((vector_size(lanes * sizeof(T))));
  typedef T unaligned __attribute__((vector_size(lanes * sizeof(T)), aligned(sizeof(T)), may_alias));
  // NOLINTEND(modernize-use-using)
};

}  // namespace
}  // namespace mellow::cpu
