#include "tests/fleet/trust_state.h"

#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::fleet {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Error;
using core::ListKind;

namespace {

/// judge runs `verify` and sorts what it throws.
template <typename Verify>
Decision judge(const Verify& verify) {
  try {
    verify();
    return {Verdict::accepted, ""};
  } catch (const Error& error) {
    if (error.code() == Code::not_found) return {Verdict::unknown_signer, error.what()};
    return {Verdict::refused, error.what()};
  }
}

}  // namespace

void TrustState::restore(ListKind kind, Bytes file) {
  core::TrustList list = core::parse_trust_list(file);
  (kind == ListKind::itl ? itl_ : ctl_) = Held{std::move(file), std::move(list)};
}

Decision TrustState::offer(ListKind kind, BytesView file, const std::optional<Bytes>& vouched) {
  core::TrustList list;
  Decision decision = judge([&] { list = core::parse_trust_list(file); });
  if (!decision.accepted()) return {Verdict::refused, decision.why};
  if (empty()) {
    decision = judge([&] { core::verify_file(file, core::find_signer_in(list)); });
    // A list that its own records cannot verify is broken, whoever signed it: no TVS can help.
    decision.verdict = decision.accepted() ? Verdict::accepted_on_faith : Verdict::refused;
  } else {
    decision = check(file, vouched);
  }
  if (decision.accepted())
    (kind == ListKind::itl ? itl_ : ctl_) = Held{Bytes(file.begin(), file.end()), std::move(list)};
  return decision;
}

Decision TrustState::check(BytesView file, const std::optional<Bytes>& vouched) const {
  return judge([&] {
    core::verify_file(file, [&](const core::SignerName& signer) -> std::optional<Bytes> {
      if (std::optional<Bytes> known = find(signer)) return known;
      if (!vouched) return std::nullopt;
      const core::X509Cert certificate = core::parse_certificate(*vouched);
      if (core::signer_name_of(*certificate) == signer) return vouched;
      return std::nullopt;
    });
  });
}

bool TrustState::knows(core::Role function, BytesView certificate_der) const {
  for (const auto* held : {&ctl_, &itl_}) {
    if (!*held) continue;
    for (const core::Record& record : (*held)->list.records)
      if (record.function == function && record.matches(certificate_der)) return true;
  }
  return false;
}

std::optional<Bytes> TrustState::file(ListKind kind) const {
  const std::optional<Held>& list = held(kind);
  if (!list) return std::nullopt;
  return list->file;
}

std::string TrustState::signer(ListKind kind) const {
  const std::optional<Held>& list = held(kind);
  return list ? list->list.header.signer.subject : std::string();
}

const std::optional<TrustState::Held>& TrustState::held(ListKind kind) const noexcept {
  return kind == ListKind::itl ? itl_ : ctl_;
}

std::optional<Bytes> TrustState::find(const core::SignerName& signer) const {
  for (const auto* held : {&ctl_, &itl_}) {
    if (!*held) continue;
    if (std::optional<Bytes> found = core::find_signer_in((*held)->list)(signer)) return found;
  }
  return std::nullopt;
}

}  // namespace ringfence::fleet
