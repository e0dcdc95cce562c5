// SPDX-License-Identifier: MIT
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include <benchmark/benchmark.h>

#include "mellow/data/readers.h"
#include "mellow/data/writers.h"
#include "mellow/engine/core/random.h"

// Bytes per second of text in memory, one thread. Numbers are written as the archives write them.
namespace mellow {
namespace {

constexpr int64_t series = 2000, length = 500;

SeriesSet noise(int64_t channels) {
  SeriesSet set;
  set.name = "noise";
  set.series = series / channels;
  set.length = length;
  set.channels = channels;
  set.lengths.assign(static_cast<size_t>(set.series), static_cast<int32_t>(length));
  set.class_names = {"1", "2", "3"};
  for (int64_t i = 0; i < set.series; ++i) set.labels.push_back(static_cast<int32_t>(i % 3));
  for (uint64_t i = 0; i < static_cast<uint64_t>(series * length); ++i)
    set.values.push_back(4 * uniform_from(random_words(1, RandomStream::generate, 0, i)[0]) - 2);
  return set;
}

// Rows "label<between>value<between>value" with values as printf("%.*e") writes them: the .txt of the
// archive.
std::string scientific(const SeriesSet& set) {
  std::string out;
  char buffer[48];
  for (int64_t i = 0; i < set.series; ++i) {
    out += "   " + set.class_names[static_cast<size_t>(set.labels[static_cast<size_t>(i)])] + ".0000000e+00";
    for (float v : set.row(i)) {
      out += v < 0 ? "  " : "   ";
      out.append(
          buffer,
          std::to_chars(buffer, buffer + sizeof buffer, double{v}, std::chars_format::scientific, 7).ptr);
    }
    out += '\n';
  }
  return out;
}

std::string arff(const SeriesSet& set) {
  std::string out = "@relation noise\n";
  for (int64_t t = 0; t < set.length; ++t) out += "@attribute t" + std::to_string(t) + " numeric\n";
  out += "@attribute target {1,2,3}\n@data\n";
  std::string rows = write_series(set, Format::csv);
  for (size_t from = 0; from < rows.size();) {  // the label goes to the end of the row
    const size_t comma = rows.find(',', from), newline = rows.find('\n', from);
    out += rows.substr(comma + 1, newline - comma - 1) + "," + rows.substr(from, comma - from) + "\n";
    from = newline + 1;
  }
  return out;
}

bool same(const SeriesSet& a, const SeriesSet& b, float tolerance) {
  if (a.values.size() != b.values.size() || a.labels != b.labels || a.channels != b.channels) return false;
  for (size_t i = 0; i < a.values.size(); ++i)
    if (!(std::abs(a.values[i] - b.values[i]) <= tolerance)) return false;
  return true;
}

void time_reading(benchmark::State& state, const SeriesSet& set, const std::string& text, Format format,
                  float tolerance = 0) {
  if (!same(read_series(text, format, "noise"), set, tolerance)) return state.SkipWithError("wrong answer");
  for (auto _ : state) benchmark::DoNotOptimize(read_series(text, format, "noise").values.data());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

void read_written(benchmark::State& state, Format format, int64_t channels) {
  const SeriesSet set = noise(channels);
  time_reading(state, set, write_series(set, format), format);
}
void read_txt(benchmark::State& state) {
  const SeriesSet set = noise(1);
  time_reading(state, set, scientific(set), Format::txt, 1e-6f);
}
void read_arff(benchmark::State& state) {
  const SeriesSet set = noise(1);
  time_reading(state, set, arff(set), Format::arff);
}
// 17 digits, as float64 values are printed: the long way of parse_float.
void read_long_numbers(benchmark::State& state) {
  const SeriesSet set = noise(1);
  std::string text;
  char buffer[48];
  for (int64_t i = 0; i < set.series; ++i) {
    text += set.class_names[static_cast<size_t>(set.labels[static_cast<size_t>(i)])];
    for (float v : set.row(i)) {
      const double wide = std::nextafter(double{v} * (1 + 1e-10), std::numeric_limits<double>::max());
      text += '\t';
      text.append(buffer,
                  std::to_chars(buffer, buffer + sizeof buffer, wide, std::chars_format::general, 17).ptr);
    }
    text += '\n';
  }
  time_reading(state, set, text, Format::tsv, 1e-6f);
}

BENCHMARK_CAPTURE(read_written, tsv, Format::tsv, 1);
BENCHMARK_CAPTURE(read_written, csv, Format::csv, 1);
BENCHMARK_CAPTURE(read_written, ts, Format::ts, 1);
BENCHMARK_CAPTURE(read_written, ts_of_four_channels, Format::ts, 4);
BENCHMARK(read_txt);
BENCHMARK(read_arff);
BENCHMARK(read_long_numbers);

}  // namespace
}  // namespace mellow
