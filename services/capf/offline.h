// What ringfence-admin asks of CAPF's journal: offline CA's certificates, bulk issue, stale LSCs.
#pragma once

#include <optional>
#include <string_view>

#include <boost/json.hpp>

#include "core/base/clock.h"
#include "core/certificates/certificate_store.h"
#include "core/phones/capf_policy.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/phone_store.h"
#include "core/storage/database.h"
#include "core/storage/write_group.h"
#include "services/capf/authority.h"

namespace ringfence::services::capf {

/// Offline answers the methods offline.* and stale.* of the control socket, because only
/// ringfence-capf writes capf.db. Safe from several threads.
///
/// Each request is a batch of at most kMostAtOnce, worked on by many threads: the pool of the
/// signer and the write group of the journal like company. Every item is answered for itself, and
/// what is answered as done is on disk.
class Offline {
 public:
  /// All must outlive it.
  Offline(Authority& authority, core::Database& admin, core::Database& capf,
          const core::Clock& clock)
      : authority_(authority),
        certificates_(admin),
        phones_(admin),
        policies_(admin),
        group_(capf),
        journal_(capf, group_),
        clock_(clock) {}

  static constexpr std::size_t kMostAtOnce = 1024;

  /// answer runs one method; nothing when it is not one of these. Throws Error{malformed} for
  /// parameters that cannot be.
  ///
  /// - offline.import {certificates: [{file, der (hex)}]} → {results: [{file, device, reason}]}:
  ///   `reason` is empty for one that is issued now and waits for its phone.
  /// - offline.issue {phones: []} → {results: [{device, reason}]}: this node's CAPF signs the CSRs.
  /// - offline.remove {phones: []} → {removed: n}
  /// - stale.clear {phone: name or null} → {cleared: n}
  std::optional<boost::json::object> answer(std::string_view method,
                                            const boost::json::object& params);

 private:
  class Csrs;

  boost::json::object import(const boost::json::object& params);
  boost::json::object issue(const boost::json::object& params);
  boost::json::object remove(const boost::json::object& params);
  boost::json::object clear(const boost::json::object& params);

  Authority& authority_;
  core::CertificateStore certificates_;
  core::PhoneStore phones_;
  core::CapfPolicyStore policies_;
  core::WriteGroup group_;
  core::EnrolmentStore journal_;
  const core::Clock& clock_;
};

}  // namespace ringfence::services::capf
