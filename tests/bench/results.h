// What was measured in this run, and the ratios that the issue asks for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ringfence::bench {

/// Results keeps every series of figures by name, one figure a round.
class Results {
 public:
  /// set replaces the round's figure: Google Benchmark measures a few times and means the last.
  void set(const std::string& series, std::size_t round, double value);

  /// at is nothing when the series was not measured in that round.
  std::optional<double> at(const std::string& series, std::size_t round) const;

  /// median is nothing when the series was not measured in this run.
  std::optional<double> median(const std::string& series) const;

  /// ratio returns over / under for each round in which both were measured.
  std::vector<double> ratio(const std::string& over, const std::string& under) const;

  /// best returns the name of the series with the highest median.
  std::string best(const std::vector<std::string>& series) const;

 private:
  std::map<std::string, std::map<std::size_t, double>> series_;
};

/// median of figures that are at least one.
double median(std::vector<double> figures);

enum class Aim {
  none,  ///< for information
  at_least,
  at_most,
};

/// Ratio is one line of the report: `over` in units of the best of `under`, round by round, since
/// rounds lie close together in time and drift hits both alike.
struct Ratio {
  std::string name;
  std::string over;
  std::vector<std::string> under;
  Aim aim = Aim::none;
  double goal = 0;
};

/// verdict returns "reached, >= 0.95", "not reached, <= 3", or "for information".
std::string verdict(const Ratio& ratio, double figure);

}  // namespace ringfence::bench
