#include "services/callmanager/inquiries.h"

namespace ringfence::services::callmanager {

bool Inquiries::start(const std::string& branch, Inquiry inquiry, Time now) {
  auto seat = places_.enter(inquiry.way.peer.address(), [this, branch] { pending_.erase(branch); });
  if (!seat) return false;
  pending_.insert_or_assign(branch, Pending{std::move(inquiry), now, 1, std::move(seat)});
  return true;
}

std::optional<Inquiry> Inquiries::answered(const std::string& branch, const std::string& address) {
  const auto found = pending_.find(branch);
  if (found == pending_.end() || found->second.inquiry.way.address() != address)
    return std::nullopt;
  Inquiry inquiry = std::move(found->second.inquiry);
  pending_.erase(found);
  return inquiry;
}

Inquiries::Due Inquiries::due(Time now) {
  constexpr int kSentAtMost = 3;
  Due due;
  for (auto at = pending_.begin(); at != pending_.end();) {
    if (now - at->second.began < kPatience) {
      ++at;
      continue;
    }
    due.silent.push_back(std::move(at->second.inquiry));
    at = pending_.erase(at);
  }
  for (auto& [branch, one] : pending_) {
    if (one.sent >= kSentAtMost || now - one.began < std::chrono::seconds(one.sent)) continue;
    ++one.sent;
    due.again.push_back(&one.inquiry);
  }
  return due;
}

}  // namespace ringfence::services::callmanager
