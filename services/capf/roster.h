// Which session works for which device: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ringfence::services::capf {

/// Roster gives each device's seat to one session.
///
/// A later session of the same device takes the seat over, because a phone that lost power comes
/// back while its old connection still looks alive; it must wait only while a certificate is
/// between "issued" and the phone's answer. Safe from several threads.
class Roster {
 public:
  /// `dismiss` is called, without any lock held, with the session that lost its seat.
  explicit Roster(std::function<void(std::uint32_t session)> dismiss = {});

  /// enter takes the device's seat; false when another session has it and is `busy`.
  bool enter(std::string_view device, std::uint32_t session);

  /// busy says that a certificate is under way; false when the seat was lost.
  bool busy(std::string_view device, std::uint32_t session);

  /// leave gives the seat back, if `session` has it.
  void leave(std::string_view device, std::uint32_t session);

  bool has(std::string_view device, std::uint32_t session) const;
  bool taken_by_another(std::string_view device, std::uint32_t session) const;

 private:
  struct Seat {
    std::uint32_t session = 0;
    bool busy = false;
  };

  const Seat* find(std::string_view device) const;

  std::function<void(std::uint32_t)> dismiss_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Seat> seats_;
};

}  // namespace ringfence::services::capf
