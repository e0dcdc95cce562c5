// SPDX-License-Identifier: MIT
#include "mellow/tools/study/synthetic_report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <fmt/format.h>

#include "mellow/engine/io/csv.h"
#include "mellow/losses/instance_smoothing.h"
#include "mellow/tools/study/synthetic_published.h"

namespace mellow::tools {
namespace {

struct Estimate {
  double mean, error;  // error: NaN for one replicate
};

Estimate estimate(const RateResults& rate, size_t method, size_t quantity) {
  const auto n = static_cast<double>(rate.replicates.size());
  double mean = 0, squares = 0;
  for (const ReplicateResult& r : rate.replicates) mean += r.scores[method][quantity];
  mean /= n;
  for (const ReplicateResult& r : rate.replicates) {
    const double gap = r.scores[method][quantity] - mean;
    squares += gap * gap;
  }
  return {mean, n > 1 ? std::sqrt(squares / (n - 1) / n) : std::numeric_limits<double>::quiet_NaN()};
}

// Ten digits at most: the sums are not exact to more.
void add(CsvRow& row, double value) {
  std::isnan(value) ? row.add("") : row.add(std::string_view(fmt::format("{:.10g}", value)));
}

constexpr bool in_percent(size_t quantity) { return quantity <= sparse; }

// Without the zero before the point.
std::string number(double value, int digits) {
  const std::string out = fmt::format("{:.{}f}", value, digits);
  return out.starts_with("0.") ? out.substr(1) : out;
}

// "79.46 ±.12 / 79.44"
std::string cell(const Estimate& here, double there, size_t quantity) {
  if (std::isnan(here.mean)) return "–";
  const double unit = in_percent(quantity) ? 100 : 1;
  const int digits = in_percent(quantity) ? 2 : quantity < temperature ? 4 : quantity < p2 ? 3 : 2;
  const double rounding = 0.5 * std::pow(10, -digits);
  std::string out = number(unit * here.mean, digits);
  if (unit * here.error >= rounding) out += " ±" + number(unit * here.error, digits);
  if (std::isnan(there)) return out;
  out += " / " + number(unit * there, digits);
  const double gap = unit * std::abs(here.mean - there);
  return gap > 2 * std::numbers::sqrt2 * unit * here.error + rounding ? out + " *" : out;
}

// Bins of all replicates added up.
Curve pooled(const RateResults& rate, size_t points) {
  Curve all{};
  for (const ReplicateResult& r : rate.replicates)
    for (size_t b = 0; b < curve_bins; ++b) {
      all[b].count += r.curves[points][b].count;
      all[b].teacher += r.curves[points][b].teacher;
      for (size_t s = 0; s < smoothing_grid.size(); ++s) all[b].student[s] += r.curves[points][b].student[s];
    }
  return all;
}

}  // namespace

std::string study_csv(const std::vector<RateResults>& rates) {
  CsvRow head;
  head.add("lr").add("method").add("replicates");
  for (const std::string_view name : quantity_names)
    for (const char* suffix : {"", "_se", "_published"})
      head.add(std::string_view(std::string(name) + suffix));
  std::string out = head.text() + '\n';
  for (const RateResults& rate : rates)
    for (size_t m = 0; m < study_methods.size(); ++m) {
      const Scores there = published(study_methods[m]);
      CsvRow row;
      row.add(rate.lr).add(study_methods[m]).add(rate.replicates.size());
      for (size_t q = 0; q < quantity_count; ++q) {
        const Estimate here = estimate(rate, m, q);
        for (const double value : {here.mean, here.error, there[q]}) add(row, value);
      }
      out += row.text() + '\n';
    }
  return out;
}

std::string curve_csv(const std::vector<RateResults>& rates) {
  std::string out = "lr,points,p_low,p_high,count,teacher_p,epsilon,student_p,ils1_epsilon\n";
  for (const RateResults& rate : rates)
    for (size_t points = 0; points < curve_points.size(); ++points) {
      const Curve curve = pooled(rate, points);
      for (size_t b = 0; b < curve_bins; ++b) {
        const CurveBin& bin = curve[b];
        if (bin.count == 0) continue;
        const auto closest = std::min_element(
            bin.student.begin(), bin.student.end(),
            [&](double x, double y) { return std::abs(x - bin.teacher) < std::abs(y - bin.teacher); });
        const double width = (curve_high - curve_low) / static_cast<double>(curve_bins);
        const double low = curve_low + width * static_cast<double>(b), teacher = bin.teacher / bin.count;
        CsvRow row;
        row.add(rate.lr).add(curve_points[points]);
        for (const double v : {low, low + width, bin.count, teacher,
                               smoothing_grid[static_cast<size_t>(closest - bin.student.begin())],
                               *closest / bin.count, instance_epsilon(teacher, 0.8, 2)})
          add(row, v);
        out += row.text() + '\n';
      }
    }
  return out;
}

std::string study_table(const RateResults& rate) {
  constexpr size_t columns[] = {accuracy, dense, sparse, ce, ece, cwece_cc, temperature};
  std::string out =
      "| method | accuracy % | dense % | sparse % | CE | ECE | cwECE_cc | T | chosen |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (size_t m = 0; m < study_methods.size(); ++m) {
    const Scores there = published(study_methods[m]);
    const auto shown = [&](size_t q) { return cell(estimate(rate, m, q), there[q], q); };
    out += fmt::format("| {} |", study_methods[m]);
    for (const size_t q : columns) out += fmt::format(" {} |", shown(q));
    std::string chosen;
    for (const auto& [q, name] :
         {std::pair(epsilon, "ε"), {p1, "P1"}, {p2, "P2"}, {teacher_temperature, "teacher T"}})
      if (shown(q) != "–") chosen += fmt::format("{}{} {}", chosen.empty() ? "" : ", ", name, shown(q));
    out += fmt::format(" {} |\n", chosen.empty() ? "–" : chosen);
  }
  return out;
}

}  // namespace mellow::tools
