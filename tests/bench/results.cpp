#include "tests/bench/results.h"

#include <algorithm>

#include <fmt/format.h>

namespace ringfence::bench {

void Results::set(const std::string& series, std::size_t round, double value) {
  series_[series][round] = value;
}

std::optional<double> Results::at(const std::string& series, std::size_t round) const {
  const auto found = series_.find(series);
  if (found == series_.end() || !found->second.contains(round)) return std::nullopt;
  return found->second.at(round);
}

std::optional<double> Results::median(const std::string& series) const {
  const auto found = series_.find(series);
  if (found == series_.end()) return std::nullopt;
  std::vector<double> figures;
  for (const auto& [round, figure] : found->second) figures.push_back(figure);
  return bench::median(figures);
}

std::vector<double> Results::ratio(const std::string& over, const std::string& under) const {
  std::vector<double> ratios;
  const auto upper = series_.find(over);
  if (upper == series_.end()) return ratios;
  for (const auto& [round, figure] : upper->second)
    if (const std::optional<double> other = at(under, round)) ratios.push_back(figure / *other);
  return ratios;
}

std::string Results::best(const std::vector<std::string>& series) const {
  return *std::max_element(series.begin(), series.end(), [this](const auto& a, const auto& b) {
    return median(a) < median(b);  // nothing is less than anything
  });
}

double median(std::vector<double> figures) {
  std::sort(figures.begin(), figures.end());
  return figures[figures.size() / 2];
}

std::string verdict(const Ratio& ratio, double figure) {
  bool reached = false;
  switch (ratio.aim) {
    case Aim::none: return "for information";
    case Aim::at_least: reached = figure >= ratio.goal; break;
    case Aim::at_most: reached = figure <= ratio.goal; break;
  }
  return fmt::format("{}, {} {:.2f}", reached ? "reached" : "not reached",
                     ratio.aim == Aim::at_least ? ">=" : "<=", ratio.goal);
}

}  // namespace ringfence::bench
