// Which session works for which device: one at a time from an address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ringfence::services::capf {

/// Roster gives each device's seats to sessions, one for each address that comes in its name.
///
/// A later session from the same address takes the seat over, because a phone that lost power comes
/// back while its old connection still looks alive; it must wait only while a certificate is
/// between "issued" and the phone's answer. Who comes from another address sits beside it: by the
/// null string anybody may, and must not hang up the phone. Of more than kSeats addresses that
/// gives way which claims least, and of those the one that came last: never one that claims more
/// than who comes, and who was first goes on working. Safe from several threads.
class Roster {
 public:
  static constexpr std::size_t kSeats = 8;

  /// Claim tells what the address is to the phone, the least first: nothing, one that registers as
  /// it, the phone's as far as is known.
  enum class Claim { bare, likely, proven };

  /// `dismiss` is called, without any lock held, with the session that lost its seat.
  explicit Roster(std::function<void(std::uint32_t session)> dismiss = {});

  /// enter takes the device's seat for that address; false when another session has it and is
  /// `busy`, and when nobody gives way.
  bool enter(std::string_view device, std::string_view address, std::uint32_t session,
             Claim claim = Claim::bare);

  /// busy says that a certificate is under way; false when the seat was lost.
  bool busy(std::string_view device, std::uint32_t session);

  /// leave gives the seat back, if `session` has it.
  void leave(std::string_view device, std::uint32_t session);

  bool has(std::string_view device, std::uint32_t session) const;

  /// others counts the device's seats of other sessions; `at` only those at one address.
  std::size_t others(std::string_view device, std::uint32_t session) const;
  std::size_t others_at(std::string_view device, std::string_view address,
                        std::uint32_t session) const;

 private:
  struct Seat {
    std::string address;
    std::uint32_t session = 0;
    Claim claim = Claim::bare;
    bool busy = false;
  };

  using Seats = std::vector<Seat>;  ///< by arrival

  static Seats::iterator gives_way(Seats& seats, Claim claim);

  std::function<void(std::uint32_t)> dismiss_;
  mutable std::mutex mutex_;
  std::map<std::string, Seats, std::less<>> seats_;  ///< by device; guarded by mutex_
};

}  // namespace ringfence::services::capf
