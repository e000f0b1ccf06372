#include "services/admin/trust/publisher.h"

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/leftovers.h"
#include "core/base/log.h"
#include "core/net/rpc.h"
#include "core/storage/setting_store.h"
#include "services/admin/node/control_socket.h"

namespace ringfence::services::admin {

using core::Error;
using core::Level;
using core::log;
using core::Unit;

namespace {

constexpr auto kReloadWithin = std::chrono::seconds(5);

}  // namespace

std::filesystem::path list_path(const core::Config& config, core::ListKind kind) {
  return config.tftp_folder() / core::file_name_of(kind);
}

std::filesystem::path node_list_path(const core::Config& config, core::ListKind kind,
                                     core::NodeId node) {
  std::filesystem::path path = list_path(config, kind);
  if (node == core::kThisNode) return path;
  return path.parent_path() / ("node-" + std::to_string(node)) / path.filename();
}

std::filesystem::path Publisher::path() const {
  return node_list_path(config_, kind_, node_);
}

std::filesystem::path Publisher::next_path() const {
  return path().string() + ".next";
}

std::filesystem::path Publisher::good_path() const {
  return path().string() + ".good";
}

/// recovery_setting names the setting that says since when a recovery list is in force: RFC 3339,
/// "" for none.
std::string Publisher::recovery_setting() const {
  const std::string name =
      kind_ == core::ListKind::itl ? "itl_recovery_since" : "ctl_recovery_since";
  return node_ == core::kThisNode ? name : name + "_" + std::to_string(node_);
}

std::optional<std::string> tell_reload(const core::Config& config,
                                       const Service& service) noexcept {
  const std::filesystem::path socket = config.control_socket(std::string(service.daemon));
  try {
    core::rpc_call(socket, "reload", {}, kReloadWithin);
    return std::nullopt;
  } catch (const std::exception& error) {
    const bool up = serves(socket);
    log(up ? Level::error : Level::info, "SERVICE_NOT_TOLD",
        {{"service", std::string(service.name)}, {"why", error.what()}});
    if (up) return error.what();
  }
  return std::nullopt;
}

bool Publisher::recovering() const {
  return !core::SettingStore(admin_).find(recovery_setting()).value_or("").empty();
}

Unit Publisher::signer() const {
  const core::Release release = config_.release();
  return recovering() ? core::recovery_signer_of(release) : core::normal_signer_of(release);
}

std::string Publisher::served_sha1() const {
  const auto last = versions_.last(kind_, node_);
  return last ? last->sha1 : "";
}

void Publisher::prepare(const SignedList& list) {
  if (node_ != core::kThisNode) std::filesystem::create_directories(path().parent_path());
  core::write_atomically(next_path(), list.file);
}

void Publisher::record(const SignedList& list, const std::string& reason) {
  versions_.add({0, kind_, std::string(name(list.signer)), list.sha1, reason, list.file,
                 clock_.now(), node_});
}

Published Publisher::publish(const SignedList& list, const std::string& reason) {
  Published published = put_in_force(list.file, list.sha1);
  log(Level::notice, std::string(name(kind_)) + "_PUBLISHED",
      {{"signer", std::string(name(list.signer))}, {"sha1", list.sha1}, {"reason", reason}});
  tell_services(published);
  return published;
}

void Publisher::tell_services(Published& published) {
  for (const Service& service : kServices) {
    const std::string called(service.name);
    if (const auto why = tell_reload(config_, service)) {
      published.untold.push_back(called);
      const std::string cure = "'utils service restart " + called + "'";
      published.warnings.push_back("The new " + std::string(name(kind_)) + " is in force, but " +
                                   called + " was not told of it: " + *why +
                                   (why->ends_with(cure) ? "" : "; restart it with " + cure) + ".");
    }
  }
}

Published Publisher::put_in_force(const core::Bytes& file, const std::string& sha1) {
  Published published{sha1, {}};
  const std::filesystem::path served = path();
  const std::string word(name(kind_));
  std::filesystem::rename(next_path(), served);
  // From here on phones get it, whatever happens.
  const auto then = [&](const std::string& what, const auto& work) {
    try {
      work();
    } catch (const std::exception& error) {
      log(Level::error, word + "_PUBLISHED_BUT", {{"failed", what}, {"why", error.what()}});
      published.warnings.push_back("The new " + word + " is in force, but " + what + ": " +
                                   error.what() + ".");
    }
  };
  then("its name may be lost in a power cut", [&] { core::sync_folder(served.parent_path()); });
  then("its copy " + word + "File.tlv.good could not be written",
       [&] { core::write_atomically(good_path(), file); });
  return published;
}

SignedList Publisher::build(const NodeCertificates& certificates) {
  return build(certificates, signer());
}

SignedList Publisher::build(const NodeCertificates& certificates, Unit signer) {
  return certificates.build(kind_, signer, token_, clock_.now());
}

std::optional<core::ListVersion> Publisher::last_good(const NodeCertificates& certificates,
                                                      Unit signer) {
  auto last = versions_.last(kind_, node_);
  try {
    if (last && !certificates.difference(kind_, last->file, signer)) return last;
  } catch (const Error& error) {
    log(Level::error, std::string(name(kind_)) + "_RECORD_UNUSABLE",
        {{"sha1", last->sha1}, {"why", error.what()}});
  }
  return std::nullopt;
}

std::optional<Ensured> Publisher::ensure(const NodeCertificates& certificates,
                                         const std::string& reason) {
  for (const std::string& file : {path().string(), next_path().string(), good_path().string()})
    core::remove_leftovers(file);
  const Unit by = signer();
  const bool first = served_sha1().empty();
  std::optional<std::string> difference;
  try {
    difference = certificates.difference(kind_, core::read_file(path(), kMaxListBytes), by);
    if (!difference) return std::nullopt;
  } catch (const Error& error) {
    difference = error.what();
  }
  if (const auto last = last_good(certificates, by)) {
    core::write_atomically(next_path(), last->file);
    Published published = put_in_force(last->file, last->sha1);
    log(Level::warning, std::string(name(kind_)) + "_RESTORED",
        {{"why", *difference}, {"sha1", last->sha1}});
    tell_services(published);
    return Ensured{Ensured::By::last_good, *difference, last->sha1, std::move(published.warnings)};
  }
  log(Level::notice, std::string(name(kind_)) + "_REBUILT", {{"why", *difference}});
  const SignedList list = build(certificates, by);
  prepare(list);
  record(list, reason);
  Published published = publish(list, reason);
  return Ensured{Ensured::By::new_list, *difference, published.sha1, std::move(published.warnings),
                 first};
}

Published Publisher::publish_with(const SignedList& list, const std::string& reason,
                                  bool recovering) {
  prepare(list);
  {
    core::Database::Transaction transaction(admin_);
    record(list, reason);
    core::SettingStore(admin_).save(recovery_setting(),
                                    recovering ? core::to_iso(clock_.now()) : "");
    transaction.commit();
  }
  return publish(list, reason);
}

Published Publisher::begin_recovery(const NodeCertificates& certificates) {
  return publish_with(build(certificates, core::recovery_signer_of(config_.release())),
                      "reset localkey", true);
}

std::optional<Published> Publisher::end_recovery(const NodeCertificates& certificates,
                                                 const std::string& reason) {
  if (!recovering()) return std::nullopt;
  return publish_with(build(certificates, core::normal_signer_of(config_.release())), reason,
                      false);
}

}  // namespace ringfence::services::admin
