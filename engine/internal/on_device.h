// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/context.h"
#include "mellow/engine/core/error.h"

// The only place that knows which backends this build has. Never installed.
namespace mellow::internal {

#ifdef MELLOW_HAS_CUDA
inline constexpr bool has_cuda = true;
#else
inline constexpr bool has_cuda = false;
#endif

// Calls f with the context's backend as its own type, so that the right overload of a kernel is linked.
template <class F>
decltype(auto) on_device(Context& context, F&& f) {
  if (context.device() == Device::cuda) {
    if constexpr (has_cuda)
      return f(context.cuda());
    else
      throw Error("this build of mellow has no CUDA backend", ErrorKind::unsupported);
  }
  return f(context.cpu());
}

}  // namespace mellow::internal
