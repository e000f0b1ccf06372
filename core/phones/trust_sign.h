// What phones did that shows which certificates and trust lists they believe. Each daemon that
// talks to phones keeps its own signs, in its own database; ringfence-admin reads them all.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// TrustSignKind is what was seen, and by whom it is recorded.
enum class TrustSignKind {
  // Cisco Tftp. Completed downloads only.
  list_fetched,   ///< a trust list; subject: its SHA-1
  signed_config,  ///< a configuration SEP….cnf.xml.sgn; subject: serial of the signer
  plain_config,   ///< a configuration without signature; no subject
  // CAPF, TVS, HTTPS.
  tls_trusted,  ///< the handshake ended and the phone spoke; subject: serial of our certificate
  identified,   ///< CAPF: the phone proved who it is (LSC, MIC, authentication string)
  tls_refused,  ///< the phone sent an alert about our certificate; subject: as above, or ""
  tls_left,     ///< the peer hung up when it had seen the certificate; subject as above
  // TVS.
  tvs_vouched,  ///< asked about a certificate, which is trusted; subject: its serial
  tvs_denied,   ///< asked about one that is not; subject: the serial asked about
  // Cisco CallManager.
  registered,  ///< anew, or a refresh, each five minutes; no subject
  // Cisco CallManager, from an alarm.
  itl_reported,  ///< the phone said which ITL it holds; subject: its SHA-1
  itl_refused,   ///< "Trust List update failed" and the like; subject: its SHA-1, or ""
};

std::string_view word(TrustSignKind kind) noexcept;

/// TrustSign is one thing that was seen of one phone.
struct TrustSign {
  using Time = std::chrono::sys_time<std::chrono::milliseconds>;

  /// A phone's name, exactly as its record has it; "" when the peer is no known phone. Who records
  /// must see to that: names that anybody can invent would be rows without bound.
  std::string device;
  TrustSignKind kind = TrustSignKind::list_fetched;
  std::string peer;     ///< address, without port
  std::string subject;  ///< SHA-1 in lower-case hex, or a serial number in upper-case hex
  std::string detail;   ///< what a person may want to know, at most kMaxDetail bytes
  Time at;

  static constexpr std::size_t kMaxDetail = 200;

  bool operator==(const TrustSign&) const = default;
};

/// sign_time is the machine's clock as signs have it.
TrustSign::Time sign_time();

/// serial_text is a certificate's serial number as signs have it: upper-case hex, without a sign
/// byte or other zero bytes in front.
std::string serial_text(BytesView serial);

/// address_text is a peer's address without its port, "10.0.0.5" of "10.0.0.5:49152"; one that
/// IPv6 wraps an IPv4 address in is the IPv4 address.
std::string address_text(std::string_view peer);

/// TrustSignStore keeps, per device and kind, the last sign of each peer about each subject: of the
/// newest kSubjects subjects of a peer and the newest kPeers peers; of the kind's newest kStrangers
/// where the device is not known. Safe from several threads. Errors: `io`.
class TrustSignStore {
 public:
  static constexpr int kSubjects = 4;
  static constexpr int kPeers = 8;
  static constexpr int kStrangers = 1000;

  /// `database` is tftp.db, capf.db, callmanager.db or tvs.db; reading works read-only too.
  explicit TrustSignStore(Database& database) : database_(database) {}

  /// save records many at once, in one transaction, in this order.
  void save(const std::vector<TrustSign>& signs);

  std::vector<TrustSign> of(std::string_view device) const;  ///< oldest first
  /// last returns the sign of that kind that was recorded last, whatever the clock said.
  std::optional<TrustSign> last(std::string_view device, TrustSignKind kind) const;
  /// between is of for the devices from `first` to `last`, by device.
  std::vector<TrustSign> between(const std::string& first, const std::string& last) const;
  /// of_peer returns what came from an address and no known device, oldest first.
  std::vector<TrustSign> of_peer(std::string_view peer) const;

  /// Page is a part of what was recorded, in the order in which it was.
  struct Page {
    std::vector<TrustSign> signs;
    std::int64_t last = 0;  ///< give it to the next call; the mark itself when there was nothing
  };

  /// after returns up to `count` signs that were recorded after the mark; 0 is the beginning.
  Page after(std::int64_t mark, std::size_t count) const;

 private:
  Database& database_;
};

}  // namespace ringfence::core
