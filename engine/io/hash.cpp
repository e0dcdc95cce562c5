// SPDX-License-Identifier: MIT
#include "mellow/engine/io/hash.h"

#include <array>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mellow {

struct Hasher::State {
  XXH3_state_t xxh;  // wants 64-byte alignment, which new gives to types that ask for it
  State() { XXH3_128bits_reset(&xxh); }
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::update(std::string_view bytes) {
  if (!bytes.empty()) XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
  return *this;
}

Hasher& Hasher::update(std::span<const std::byte> bytes) {
  return update(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

Hasher& Hasher::update(uint64_t number) {
  std::array<std::byte, 8> bytes;
  for (std::byte& b : bytes) {
    b = static_cast<std::byte>(number & 0xff);
    number >>= 8;
  }
  return update(bytes);
}

std::string Hasher::hex() const {
  const XXH128_hash_t digest = XXH3_128bits_digest(&state_->xxh);
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const uint64_t half : {digest.high64, digest.low64})
    for (int shift = 60; shift >= 0; shift -= 4) out += digits[(half >> shift) & 15];
  return out;
}

std::string hash_bytes(std::string_view bytes) { return Hasher().update(bytes).hex(); }
std::string hash_bytes(std::span<const std::byte> bytes) { return Hasher().update(bytes).hex(); }

}  // namespace mellow
