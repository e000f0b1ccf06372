#include "core/trust/node_check.h"

#include <algorithm>
#include <cctype>
#include <chrono>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

constexpr std::size_t kMostSubjectBytes = 1024;
constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 4096;  // phones verify no longer ones (cucm-behaviour 1.1)
constexpr int kLeastEcBits = 256;
constexpr std::chrono::days kSoon(30);

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Code::refused, why);
}

bool same_name(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::ranges::equal(left, right, {}, lower, lower);
}

/// What is said of a certificate: "the certificate of TVS (CN=…)".
std::string called(Unit unit, const X509& certificate) {
  return fmt::format("the certificate of {} ({})", name(unit),
                     in_one_line(subject_of(certificate), 100));
}

void check_names(Unit unit, const X509& certificate) {
  for (const std::string& text : {subject_of(certificate), issuer_of(certificate)}) {
    if (text.size() > kMostSubjectBytes)
      refuse(fmt::format("{} has a name of {} bytes; one has at most {}", called(unit, certificate),
                         text.size(), kMostSubjectBytes));
    if (text.find('\0') != std::string::npos)
      refuse(fmt::format("{} has a NUL in its name", called(unit, certificate)));
  }
}

void check_dates(Unit unit, const X509& certificate, Time now) {
  if (not_after_of(certificate) < now)
    refuse(fmt::format("{} ended at {}; regenerate it on that node and export the node again",
                       called(unit, certificate), to_iso(not_after_of(certificate))));
  if (not_before_of(certificate) > now)
    refuse(
        fmt::format("{} is valid from {} on, which is still to come by this node's clock; make "
                    "both nodes' clocks right",
                    called(unit, certificate), to_iso(not_before_of(certificate))));
}

/// A list is signed by CallManager, and its header knows moduli of 2048 and 4096 bits only.
bool may_have_bits(Unit unit, int bits) {
  if (bits < kLeastRsaBits || bits > kMostRsaBits) return false;
  const bool signs_lists = unit == Unit::call_manager || unit == Unit::itl_recovery;
  return !signs_lists || bits == kLeastRsaBits || bits == kMostRsaBits;
}

void check_key(Unit unit, const X509& certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(&certificate);
  ERR_clear_error();
  if (key == nullptr) refuse(called(unit, certificate) + " has a key that cannot be read");
  const int bits = EVP_PKEY_get_bits(key);
  if (unit == Unit::call_manager_ecdsa) {
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && bits >= kLeastEcBits) return;
    refuse(
        fmt::format("{} must have an EC key on P-256, P-384 or P-521", called(unit, certificate)));
  }
  const bool is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
  if (is_rsa && may_have_bits(unit, bits)) return;
  const bool signs_lists = unit == Unit::call_manager || unit == Unit::itl_recovery;
  refuse(fmt::format("{} must have an RSA key of {} bits; it has {}", called(unit, certificate),
                     signs_lists ? "2048 or 4096" : "2048 to 4096",
                     is_rsa ? std::to_string(bits) : std::string("another kind of key")));
}

void check_usage(Unit unit, const X509& certificate) {
  X509* asked = const_cast<X509*>(&certificate);  // OpenSSL notes its extensions in it
  if ((X509_get_extension_flags(asked) & EXFLAG_INVALID) != 0)
    refuse(called(unit, certificate) + " has extensions that cannot be read");
  const std::uint32_t usage = X509_get_key_usage(asked);  // all bits when there is none
  if ((usage & KU_DIGITAL_SIGNATURE) == 0)
    refuse(called(unit, certificate) + " lacks the key usage digitalSignature");
}

/// A self-signed certificate proves by its signature that nothing of it was changed.
void check_signature(Unit unit, const X509& certificate) {
  if (subject_of(certificate) != issuer_of(certificate)) return;
  X509* asked = const_cast<X509*>(&certificate);
  const bool good = X509_verify(asked, X509_get0_pubkey(&certificate)) == 1;
  ERR_clear_error();
  if (!good) refuse(called(unit, certificate) + " was changed: its own signature does not fit");
}

/// check_apart refuses what two certificates of different owners must not share.
void check_apart(Unit unit, const X509& certificate, const X509& other, const std::string& whose) {
  if (spki_of(certificate) == spki_of(other))
    refuse(fmt::format("{} has the key of {}; every certificate of a cluster has a key of its own",
                       called(unit, certificate), whose));
  if (serial_of(certificate) == serial_of(other) && issuer_of(certificate) == issuer_of(other))
    refuse(
        fmt::format("{} has the serial number and the issuer of {}: phones could not tell the "
                    "two apart",
                    called(unit, certificate), whose));
}

void check_alone(const ClusterNode& node) {
  for (const auto& [unit, certificate] : node.certificates)
    for (const auto& [other, second] : node.certificates)
      if (unit < other)
        check_apart(unit, *certificate, *second, "that of " + std::string(name(other)));
}

void check_beside(const ClusterNode& node, const ClusterNode& other) {
  const std::string whose = other.id == kThisNode ? std::string("this node") : "node " + other.name;
  for (const std::string& address : node.addresses)
    if (std::ranges::count(other.addresses, address) > 0 &&
        (node.ports.tvs == other.ports.tvs || node.ports.sip == other.ports.sip))
      refuse(fmt::format("the address {} with its ports is that of {}", address, whose));
  for (const auto& [unit, certificate] : node.certificates)
    for (const auto& [other_unit, second] : other.certificates)
      check_apart(unit, *certificate, *second, fmt::format("{} of {}", name(other_unit), whose));
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || same_name(address, "localhost");
}

}  // namespace

const ClusterNode* node_named(const Cluster& cluster, std::string_view wanted) {
  const auto found = std::ranges::find_if(
      cluster.nodes, [&](const ClusterNode& one) { return same_name(one.name, wanted); });
  return found == cluster.nodes.end() ? nullptr : &*found;
}

std::vector<std::string> check_node(const ClusterNode& node, const Cluster& cluster, Time now) {
  const ClusterNode& self = cluster.node(kThisNode);
  if (same_name(node.name, self.name))
    refuse(
        fmt::format("{} is this node's own name; import the document that 'utils node export' "
                    "prints on the other node, and give nodes of one cluster different names",
                    node.name));
  std::size_t others = 0;
  for (const ClusterNode& one : cluster.nodes) {
    if (same_name(one.name, node.name)) continue;  // it is replaced
    check_beside(node, one);
    if (one.id != kThisNode) ++others;
  }
  if (others >= kMostOtherNodes)
    refuse(fmt::format("a cluster has at most {} nodes beside this one", kMostOtherNodes));
  check_alone(node);
  std::vector<std::string> warnings;
  for (const auto& [unit, certificate] : node.certificates) {
    check_names(unit, *certificate);
    check_dates(unit, *certificate, now);
    check_key(unit, *certificate);
    check_usage(unit, *certificate);
    check_signature(unit, *certificate);
    if (not_after_of(*certificate) - now < kSoon)
      warnings.push_back(fmt::format("The certificate of {} ends at {}, within a month.",
                                     name(unit), to_iso(not_after_of(*certificate))));
  }
  if (is_loopback(node.address()) && !is_loopback(self.address()))
    warnings.push_back(
        fmt::format("Phones are told the address {}, which is each phone itself: "
                    "set network.advertise on {} and export it again.",
                    node.address(), node.name));
  return warnings;
}

}  // namespace ringfence::core
