#include "hsm/signer/signature_counts.h"

#include <utility>

#include <fmt/format.h>

namespace ringfence::hsm {
namespace {

constexpr std::chrono::seconds kHold{1};

}  // namespace

void SignatureCounts::add(std::string_view role, Form form, const KeyRef& key,
                          Clock::time_point now) {
  ++totals_[role][static_cast<std::size_t>(form)];
  if (form == Form::tls) return;
  if (pending_.empty()) pending_since_ = now;
  ++pending_[{role, form, key}];
}

std::vector<std::string> SignatureCounts::due(Clock::time_point now) {
  const auto next = next_due();
  return next && *next <= now ? all() : std::vector<std::string>();
}

std::vector<std::string> SignatureCounts::all() {
  std::vector<std::string> lines;
  for (const auto& [what, count] : std::exchange(pending_, {}))
    lines.push_back(fmt::format("SIGNER_SIGNED role={} form={} key={} count={} total={}", what.role,
                                name(what.form), to_text(what.key), count,
                                totals_.at(what.role)[static_cast<std::size_t>(what.form)]));
  return lines;
}

std::optional<SignatureCounts::Clock::time_point> SignatureCounts::next_due() const {
  if (pending_.empty()) return std::nullopt;
  return pending_since_ + kHold;
}

std::vector<SignatureCount> SignatureCounts::totals() const {
  std::vector<SignatureCount> list;
  for (const auto& [role, counts] : totals_)
    for (std::size_t form = 0; form < kForms; ++form)
      if (counts[form] > 0)
        list.push_back(
            {std::string(role), std::string(name(static_cast<Form>(form))), counts[form]});
  return list;
}

}  // namespace ringfence::hsm
