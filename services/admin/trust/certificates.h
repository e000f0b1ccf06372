// The certificate methods of the admin API: lists and dumps.
#pragma once

#include <string>

#include "core/admin/api.h"
#include "core/certificates/certificate_store.h"

namespace ringfence::services::admin {

/// list answers cert.list; `type` is "own" or "trust".
core::admin::CertificateList list_certificates(const core::CertificateStore& certificates,
                                               const std::string& type);

/// show answers cert.show. Throws Error{not_found} that says which names there are.
core::admin::CertificateShow show_certificate(const core::CertificateStore& certificates,
                                              const std::string& type, const std::string& name);

/// unit_or_refuse finds a unit; throws Error{not_found} that lists the units.
core::Unit unit_or_refuse(const std::string& word);

}  // namespace ringfence::services::admin
