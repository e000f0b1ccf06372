#include "services/admin/node/retention.h"

#include <algorithm>
#include <limits>

#include "core/base/error.h"

namespace ringfence::services::admin {

using core::Kept;
using core::Retention;

core::admin::RetentionShow show_retention(core::Database& admin) {
  const Retention retention = core::RetentionStore(admin).load();
  core::admin::RetentionShow shown;
  for (const Kept kept : core::kAllKept)
    shown.kept.push_back(
        {std::string(word(kept)), retention.days(kept), std::string(describe(kept))});
  shown.least_days = Retention::kLeast;
  shown.most_days = Retention::kMost;
  return shown;
}

core::admin::RetentionShow set_retention(core::Database& admin,
                                         const core::admin::RetentionSet& request) {
  const auto days =
      static_cast<int>(std::clamp<std::int64_t>(request.days, 0, std::numeric_limits<int>::max()));
  core::RetentionStore(admin).set(core::kept_from(request.kind), days);
  return show_retention(admin);
}

std::vector<core::Pruner::Rule> pruning(const core::Config& config, core::JobStore& jobs) {
  return {{Kept::jobs, [&](core::Database&, core::Time before,
                           std::size_t most) { return jobs.prune(before, most); }},
          {Kept::logs, [&](core::Database&, core::Time before, std::size_t most) {
             return core::prune_files(config.log_folder(), before, most, is_older_log);
           }}};
}

bool is_older_log(const std::filesystem::path& file) {
  const std::string generation = file.extension().string();
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return file.stem().extension() == ".log" && generation.size() > 1 &&
         std::all_of(generation.begin() + 1, generation.end(), digit);
}

}  // namespace ringfence::services::admin
