// What a phone trusts, and how it decides about each signed file it is offered.
#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/trust/trust_list.h"

namespace ringfence::fleet {

/// Verdict is what a phone makes of a signed file (cucm-behaviour 3.1).
enum class Verdict {
  accepted_on_faith,  ///< the very first list: there was nothing to judge it by
  accepted,           ///< signed by a known signer, or by one that TVS vouched for
  unknown_signer,     ///< TVS must be asked
  refused,            ///< malformed, or the signature is wrong
};

struct Decision {
  Verdict verdict = Verdict::refused;
  std::string why;  ///< one sentence when it was not accepted

  bool accepted() const noexcept {
    return verdict == Verdict::accepted || verdict == Verdict::accepted_on_faith;
  }
};

/// TrustState holds a phone's CTL and ITL. A refused list never changes it.
class TrustState {
 public:
  TrustState() = default;

  /// restore takes lists that were accepted before; throws core::Error{malformed}.
  void restore(core::ListKind kind, core::Bytes file);

  /// offer judges a trust list and, when accepted, replaces the held one of that kind.
  ///
  /// `vouched` is the DER certificate TVS returned for the list's signer. The first list of a phone
  /// that has none is accepted on faith: its own records must verify it, but nothing else vouches.
  Decision offer(core::ListKind kind, core::BytesView file,
                 const std::optional<core::Bytes>& vouched = std::nullopt);

  /// check judges any other signed file, as a configuration.
  Decision check(core::BytesView file,
                 const std::optional<core::Bytes>& vouched = std::nullopt) const;

  /// knows tells whether a held list has a record of `function` about that certificate.
  bool knows(core::Role function, core::BytesView certificate_der) const;

  /// empty tells whether the phone holds no list at all.
  bool empty() const noexcept { return !itl_ && !ctl_; }

  /// file returns the held list as it was fetched, or nothing.
  std::optional<core::Bytes> file(core::ListKind kind) const;
  /// signer returns the subject of the held list's signer, or "".
  std::string signer(core::ListKind kind) const;

 private:
  struct Held {
    core::Bytes file;
    core::TrustList list;
  };

  const std::optional<Held>& held(core::ListKind kind) const noexcept;
  std::optional<core::Bytes> find(const core::SignerName& signer) const;

  std::optional<Held> itl_;
  std::optional<Held> ctl_;
};

}  // namespace ringfence::fleet
