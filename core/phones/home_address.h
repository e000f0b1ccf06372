// Which address is a phone's, by what was seen of it.
#pragma once

#include <string>

#include "core/phones/acceptance.h"

namespace ringfence::core {

/// HomeAddress follows the signs of one phone to its address: the one that showed CAPF who it is
/// last; without any, the one known before, else the first that acted in the phone's name, where
/// one that registered goes before one that did not. As long as nothing is proven of what the phone
/// holds, an address that was silent for an hour gives way to another: phones without proofs move,
/// too; one that registered gives way only to one that does. One that is registered is not silent,
/// though it only refreshes.
class HomeAddress {
 public:
  /// `before` and `present` must outlive it; `seen` is when `before`'s address was last seen, as
  /// far as that is remembered.
  HomeAddress(const Holding& before, const Present& present, TrustSign::Time seen)
      : before_(before),
        present_(present),
        address_(before.peer),
        proof_(before.address_proof),
        seen_(seen) {}

  /// take takes the signs in the order of time.
  void take(const TrustSign& sign);

  const std::string& address() const noexcept { return address_; }  ///< "" for none

  AddressProof proof() const noexcept { return proof_; }

  TrustSign::Time seen() const noexcept { return seen_; }  ///< the address, by signs

  /// anew tells that what was known before came from an address that had less to show.
  bool anew() const noexcept { return anew_; }

 private:
  void identified(const TrustSign& sign);
  void acted(const TrustSign& sign);
  void move(const TrustSign& sign);

  const Holding& before_;
  const Present& present_;
  std::string address_;
  AddressProof proof_;
  bool anew_ = false;
  TrustSign::Time seen_;
};

}  // namespace ringfence::core
