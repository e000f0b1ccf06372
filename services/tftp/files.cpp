#include "services/tftp/files.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"
#include "core/phones/phone.h"
#include "core/trust/list_store.h"
#include "core/trust/signed_file.h"
#include "core/trust/trust_list.h"

namespace ringfence::services::tftp {
namespace {

using core::Code;
using core::Error;

constexpr std::size_t kMaxKept = 8192;  // about 6 KiB each
constexpr std::string_view kDefault = "XMLDefault";

/// between returns what stands between `prefix` and `suffix`, or nothing.
std::optional<std::string_view> between(std::string_view name, std::string_view prefix,
                                        std::string_view suffix) {
  if (name.size() <= prefix.size() + suffix.size()) return std::nullopt;
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  return name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
}

bool is_device(std::string_view name) {
  try {
    core::check_device_name(name);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// device_of returns whose list `name` is, "" for the generic one, or nothing when it is no list of
/// this kind: "<kind>File.tlv" and "<kind><device>.tlv" are.
std::optional<std::string> device_of(std::string_view name, std::string_view kind) {
  const auto who = between(name, kind, ".tlv");
  if (!who) return std::nullopt;
  if (*who == "File") return std::string();
  if (!is_device(*who)) return std::nullopt;
  return std::string(*who);
}

/// member_of says what phones are told of another node.
core::ConfigMember member_of(const core::ClusterNode& node) {
  return {node.address(),
          node.ports.sip,
          node.ports.sips,
          node.ports.tvs,
          node.runs(core::NodeService::call_manager),
          node.runs(core::NodeService::tvs)};
}

/// stamp_of differs whenever what phones are told of the others does; "" without others.
std::string stamp_of(const std::vector<core::ConfigMember>& others) {
  std::string stamp;
  for (const core::ConfigMember& one : others)
    stamp += fmt::format(" {}/{}/{}/{}/{}{}", one.address, one.sip, one.sips, one.tvs,
                         one.runs_call_manager ? 1 : 0, one.runs_tvs ? 1 : 0);
  return stamp;
}

Content content_of(core::Bytes bytes) {
  Content content;
  content.bytes = std::move(bytes);
  content.sha1 = core::to_hex(core::digest(core::Digest::sha1, content.bytes));
  return content;
}

std::string full_stamp(const Unsigned& config, const Signing& signing) {
  return fmt::format("{} {}", config.stamp, signing.stamp);
}

}  // namespace

bool valid_name(std::string_view name) noexcept {
  constexpr std::size_t kMaxNameBytes = 128;
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), allowed);
}

FileSource::FileSource(core::Database& admin, const core::Token& token, const core::Clock& clock,
                       FilePaths paths, core::ConfigNode node)
    : admin_(admin),
      token_(token),
      clock_(clock),
      paths_(std::move(paths)),
      node_(std::move(node)),
      phones_(admin_),
      certificates_(admin_),
      nodes_(admin_),
      signing_(certificates_, token_),
      itl_(paths_.folder / "ITLFile.tlv", Absence::keep_last,
           [this](core::BytesView file) { check_is_ours(core::ListKind::itl, file); }),
      ctl_(paths_.folder / "CTLFile.tlv", Absence::withdraw,
           [this](core::BytesView file) { check_is_ours(core::ListKind::ctl, file); }) {}

/// check_is_ours verifies a list by this node's certificates, not by those it brings along: a list
/// that somebody else signed is sound in itself, and would lock out whoever believes it.
void FileSource::check_is_ours(core::ListKind kind, core::BytesView file) {
  const std::vector<core::OwnCertificate> own = certificates_.all_own();
  try {
    core::verify_file(file, [&](const core::SignerName& wanted) -> std::optional<core::Bytes> {
      for (const core::OwnCertificate& one : own)
        if (core::signer_name_of(*core::parse_certificate(one.der)) == wanted) return one.der;
      return std::nullopt;
    });
  } catch (const Error& error) {
    if (error.code() != Code::not_found) throw;
    // Between the change of a certificate and the list that goes with it the last one still counts.
    const auto last = core::ListStore(admin_).last(kind);
    if (last && std::ranges::equal(last->file, file)) return;
    throw Error(Code::refused, "none of this node's keys signed it");
  }
}

std::optional<File> FileSource::at_hand(std::string_view name) {
  if (!valid_name(name)) return std::nullopt;
  for (ListFile* const list : {&itl_, &ctl_}) {
    auto device =
        device_of(name, core::name(list == &itl_ ? core::ListKind::itl : core::ListKind::ctl));
    if (!device) continue;
    auto content = list->unchanged();
    if (content) return File{std::move(content), std::move(*device)};
  }
  return std::nullopt;
}

Found FileSource::find(std::string_view name) {
  if (!valid_name(name)) return {};
  for (ListFile* const list : {&itl_, &ctl_}) {
    auto device =
        device_of(name, core::name(list == &itl_ ? core::ListKind::itl : core::ListKind::ctl));
    if (!device) continue;
    auto content = list->current();
    if (content) return {File{std::move(content), std::move(*device)}, {}};
  }
  std::string_view plain = name;
  if (plain.ends_with(".sgn")) plain.remove_suffix(4);
  return config(name, plain);
}

void FileSource::reload() {
  const std::lock_guard lock(kept_mutex_);
  newest_first_.clear();
  by_name_.clear();
}

Found FileSource::config(std::string_view name, std::string_view plain) {
  const auto who = between(plain, "", ".cnf.xml");
  if (!who) return {};
  Unsigned config;
  config.name = name;
  config.plain = plain;
  if (*who == kDefault) {
    const core::ConfigNode node = with_others();
    config.text = core::default_config_file(node);
    config.stamp = "default" + stamp_of(node.others);
    return made(std::move(config));
  }
  if (!is_device(*who)) return {};
  const std::optional<core::Phone> phone = phones_.find(*who);
  if (!phone) return {};
  const core::CapfVisit visit = core::capf_visit(*phone, outcome(*phone), clock_.now());
  const core::ConfigNode node = with_others();
  config.text = core::config_file(*phone, visit, node);
  config.stamp =
      fmt::format("{} {}{}", phone->config_stamp, static_cast<int>(visit), stamp_of(node.others));
  config.device = phone->name;
  config.config_stamp = phone->config_stamp;
  return made(std::move(config));
}

/// with_others is this node, as its configuration says, and the others of its cluster.
core::ConfigNode FileSource::with_others() const {
  core::ConfigNode node = node_;
  for (const core::ClusterNode& one : nodes_.list())
    if (one.id != core::kThisNode) node.others.push_back(member_of(one));
  return node;
}

/// outcome asks capf.db, which may not be there before the first enrolment.
std::optional<core::Outcome> FileSource::outcome(const core::Phone& phone) {
  if (phone.capf.request == 0) return std::nullopt;
  const std::lock_guard lock(capf_mutex_);
  if (!capf_) {
    std::error_code ignored;
    if (!std::filesystem::exists(paths_.capf_db, ignored)) return std::nullopt;
    capf_ = std::make_unique<core::Database>(paths_.capf_db, core::Schema::capf,
                                             core::Access::read_only);
  }
  return core::EnrolmentStore(*capf_).outcome(phone.name, phone.capf.request);
}

/// made returns the text as it is, or a kept signed file, or what is still to be signed.
Found FileSource::made(Unsigned config) {
  if (config.name == config.plain) {
    Content content = content_of(core::Bytes(config.text.begin(), config.text.end()));
    auto shared = std::make_shared<const Content>(std::move(content));
    return {File{std::move(shared), std::move(config.device), std::move(config.config_stamp)}, {}};
  }
  const std::optional<Signing> signing = signing_.known(itl_.current().get());
  if (signing) {
    auto content = kept(config.name, full_stamp(config, *signing));
    if (content)
      return {File{std::move(content), std::move(config.device), std::move(config.config_stamp),
                   signing->serial},
              {}};
  }
  return {{}, std::move(config)};
}

File FileSource::sign(const Unsigned& config) {
  const Signing signing = signing_.current(itl_.current().get());
  if (auto content = kept(config.name, full_stamp(config, signing))) {
    return {std::move(content), config.device, config.config_stamp, signing.serial};
  }
  const core::X509Cert certificate = core::parse_certificate(signing.der);
  const core::EvpPkey key = token_.key(signing.key);
  core::FileSigner signer;
  signer.certificate = certificate.get();
  signer.key = key.get();
  signer.context = token_.context();
  Content content = content_of(core::sign_file(config.plain, core::bytes_of(config.text), signer,
                                               core::Digest::sha1, clock_.now()));
  auto shared = std::make_shared<const Content>(std::move(content));
  keep(Kept{config.name, full_stamp(config, signing), shared});
  return {shared, config.device, config.config_stamp, signing.serial};
}

std::shared_ptr<const Content> FileSource::kept(const std::string& name, const std::string& stamp) {
  const std::lock_guard lock(kept_mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end() || found->second->stamp != stamp) return nullptr;
  newest_first_.splice(newest_first_.begin(), newest_first_, found->second);
  return found->second->content;
}

void FileSource::keep(Kept entry) {
  const std::lock_guard lock(kept_mutex_);
  const auto old = by_name_.find(entry.name);
  if (old != by_name_.end()) {
    newest_first_.erase(old->second);
    by_name_.erase(old);
  }
  newest_first_.push_front(std::move(entry));
  by_name_.emplace(newest_first_.front().name, newest_first_.begin());
  if (newest_first_.size() > kMaxKept) {
    by_name_.erase(newest_first_.back().name);
    newest_first_.pop_back();
  }
}

}  // namespace ringfence::services::tftp
