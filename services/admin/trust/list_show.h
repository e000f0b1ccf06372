// itl.show, ctl.show and their examination of files of other makers.
#pragma once

#include "core/admin/api.h"
#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/certificates/certificate_store.h"
#include "core/config/config.h"
#include "core/trust/facts.h"

namespace ringfence::services::admin {

/// show_of returns the facts of a list in the form of the API, laid out as well. `modified` 0 is
/// unknown.
core::admin::TrustListShow show_of(const core::TrustListFacts& facts, core::Time modified);

/// examine_list judges a file that somebody gives: by our own certificates when one of them is
/// named as its signer, else by the certificate of its own record that is. Throws
/// Error{malformed} when `request.content` is not base64 or longer than 1 MiB.
core::admin::TrustListShow examine_list(const core::CertificateStore& certificates,
                                        core::ListKind kind,
                                        const core::admin::TrustListExamineRequest& request);

/// note_served adds to a list that is not good what Cisco Tftp serves in truth: it asks it.
void note_served(const core::Config& config, core::ListKind kind, core::admin::TrustListShow& show);

/// warn_unless_served adds to a good list a warning when phones do not get it: Cisco Tftp does not
/// answer, or serves another file.
void warn_unless_served(const core::Config& config, core::ListKind kind,
                        core::admin::TrustListShow& show);

}  // namespace ringfence::services::admin
