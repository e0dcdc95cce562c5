// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mellow/engine/core/random.h"

namespace mellow {

// Damages inputs for reader tests; mutation `index` of the same seeds is the same bytes everywhere.
// Each is a seed (sometimes the head of one and the tail of another) with one to four of: a bit flipped, a
// byte set, a piece removed, repeated, moved or overwritten by a word of the dictionary, the end cut off.
class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, std::vector<std::string> words)
      : seeds_(std::move(seeds)), words_(std::move(words)) {}

  std::string operator()(uint64_t index) {
    index_ = index;
    draw_ = 0;
    std::string s = seeds_[pick(seeds_.size())];
    if (pick(8) == 0) {
      const std::string& other = seeds_[pick(seeds_.size())];
      s = s.substr(0, pick(s.size() + 1)) + other.substr(pick(other.size() + 1));
    }
    const uint64_t steps = 1 + pick(4);
    for (uint64_t i = 0; i < steps; ++i) change(s);
    return s;
  }

 private:
  uint64_t pick(uint64_t n) {
    const RandomWords w = random_words(1, RandomStream::test, index_, draw_++);
    return below(n, w[0], w[1]);
  }

  void change(std::string& s) {
    const uint64_t at = pick(s.size() + 1);
    const uint64_t length = pick(std::min<uint64_t>(s.size() - at, 24) + 1);
    const std::string piece = s.substr(at, length);
    switch (pick(8)) {
      case 0:
        if (at < s.size()) s[at] = static_cast<char>(static_cast<unsigned char>(s[at]) ^ (1u << pick(8)));
        break;
      case 1:
        if (at < s.size()) s[at] = static_cast<char>(pick(256));
        break;
      case 2: s.erase(at, length); break;
      case 3: s.insert(at, piece); break;
      case 4: s.insert(pick(s.size() + 1), piece); break;
      case 5: s.replace(at, length, words_[pick(words_.size())]); break;
      case 6: s.insert(at, words_[pick(words_.size())]); break;
      default: s.resize(at); break;
    }
  }

  std::vector<std::string> seeds_, words_;
  uint64_t index_ = 0, draw_ = 0;
};

}  // namespace mellow
