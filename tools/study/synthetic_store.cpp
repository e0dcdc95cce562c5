// SPDX-License-Identifier: MIT
#include "mellow/tools/study/synthetic_store.h"

#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"
#include "mellow/engine/io/csv.h"
#include "mellow/engine/io/read_file.h"

namespace mellow::tools {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t largest_file = 1 << 20;

// f(row, quantity, value) for all there is, in the file's order. Result: const when writing.
template <class Result, class F>
void for_values(Result& result, F&& f) {
  for (size_t m = 0; m < study_methods.size(); ++m)
    for (size_t q = 0; q < quantity_count; ++q)
      f(std::string(study_methods[m]), std::string(quantity_names[q]), result.scores[m][q]);
  for (size_t c = 0; c < curve_points.size(); ++c)
    for (size_t b = 0; b < curve_bins; ++b) {
      const std::string row = fmt::format("{} curve {}", curve_points[c], b);
      auto& bin = result.curves[c][b];
      f(row, "count", bin.count);
      f(row, "teacher", bin.teacher);
      for (size_t s = 0; s < smoothing_grid.size(); ++s)
        f(row, fmt::format("student {}", smoothing_grid[s]), bin.student[s]);
    }
  f("all", "trainings", result.trainings);
  f("all", "epochs", result.epochs);
}

}  // namespace

std::string replicate_path(const std::string& folder, uint64_t seed, double lr, int64_t replicate) {
  return fmt::format("{}/replicates/seed-{}/lr-{}/{:03}.csv", folder, seed, lr, replicate);
}

void write_replicate(const std::string& path, const ReplicateResult& result) {
  make_folder(fs::path(path).parent_path().string());
  std::string all = "row,quantity,value\n";
  for_values(result, [&](const std::string& row, const std::string& quantity, double value) {
    all += CsvRow().add(row).add(quantity).add(value).text() + '\n';
  });
  write_file_atomically(path, all);
}

std::optional<ReplicateResult> read_replicate(const std::string& path) {
  if (!fs::exists(path)) return std::nullopt;
  const CsvTable table = parse_csv(read_file(path, largest_file), path);
  const size_t row = table.column("row"), quantity = table.column("quantity"), value = table.column("value");
  ReplicateResult result;
  size_t next = 0;
  for_values(result, [&](const std::string& r, const std::string& q, double& v) {
    if (next >= table.rows.size() || table.rows[next][row] != r || table.rows[next][quantity] != q)
      throw Error(fmt::format("{} is not a replicate as this version writes it: {} of {} is not where it "
                              "should be; remove the file",
                              path, q, r),
                  ErrorKind::input);
    v = table.number(next++, value);
  });
  return result;
}

}  // namespace mellow::tools
