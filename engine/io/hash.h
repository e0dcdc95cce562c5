// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace mellow {

// XXH3-128: finds damage and tells contents apart; no defence against an adversary.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  // Bytes run together: update("ab") equals update("a") and update("b"). Hash a length first where that
  // matters.
  Hasher& update(std::span<const std::byte> bytes);
  Hasher& update(std::string_view bytes);
  Hasher& update(uint64_t number);  // its eight bytes, low first
  std::string hex() const;  // 32 lower-case digits, as `xxhsum -H2` prints; update() may go on after it

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hash_bytes(std::string_view bytes);
std::string hash_bytes(std::span<const std::byte> bytes);

}  // namespace mellow
