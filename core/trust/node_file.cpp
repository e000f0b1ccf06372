#include "core/trust/node_file.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

constexpr std::string_view kVersionField = "Ringfence-Node";
constexpr std::string_view kFileVersion = "1";
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kBeginCertificate = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEndCertificate = "-----END CERTIFICATE-----";
constexpr std::size_t kMostLineBytes = 1024;
constexpr std::size_t kMostNameBytes = 48;      // as node.host of ringfence.toml
constexpr std::size_t kMostDomainBytes = 128;   // as node.domain
constexpr std::size_t kMostAddressBytes = 253;  // RFC 1035 2.3.4
constexpr std::size_t kShown = 60;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_letter_or_digit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool consists_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [&](char c) {
    return is_letter_or_digit(c) || more.find(c) != std::string_view::npos;
  });
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!(text = trimmed(text)).empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::optional<std::uint16_t> port_in(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::string unit_words() {
  std::vector<std::string_view> words;
  for (const Unit unit : kUnits) words.push_back(name(unit));
  return fmt::format("{}", fmt::join(words, ", "));
}

/// Lines gives the lines of a text, trimmed, without the blank ones.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::optional<std::string_view> next() {
    while (!rest_.empty()) {
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      const std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++number_;
      if (line.size() > kMostLineBytes) fail("is longer than 1024 bytes");
      if (const std::string_view text = trimmed(line); !text.empty()) return text;
    }
    return std::nullopt;
  }

  /// fail refuses the line that was read last.
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(Code::malformed, fmt::format("line {} of the node document {}", number_, why));
  }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

/// Field is "Name: value".
struct Field {
  std::string_view name;
  std::string_view value;
};

std::optional<Field> field_in(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == line.npos) return std::nullopt;
  return Field{trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1))};
}

/// Parsing is one reading of a document.
class Parsing {
 public:
  explicit Parsing(std::string_view text) : lines_(text) {}

  ClusterNode node() {
    find_beginning();
    while (const auto line = lines_.next()) {
      const auto field = field_in(*line);
      if (line->starts_with(kBegin))
        lines_.fail("begins a block that no line 'Certificate: UNIT' announces");
      if (!field)
        lines_.fail(fmt::format("is no 'Name: value' line: '{}'", in_one_line(*line, kShown)));
      if (field->name == "End") return end(field->value);
      take(*field);
    }
    throw Error(Code::malformed,
                "the node document is cut: its last line, 'End: <number of certificates>', is "
                "missing; copy it from 'Ringfence-Node' to 'End'");
  }

 private:
  void find_beginning() {
    while (const auto line = lines_.next()) {
      const auto field = field_in(*line);
      if (!field || field->name != kVersionField) continue;
      if (field->value == kFileVersion) return;
      lines_.fail(
          fmt::format("says version '{}', and this release reads version {}: export it "
                      "with the release that this node runs",
                      in_one_line(field->value, kShown), kFileVersion));
    }
    throw Error(Code::malformed,
                "this is no node document: no line says 'Ringfence-Node: 1'; 'utils node export' "
                "prints one on the node that is to be imported");
  }

  void take(const Field& field) {
    if (field.name == "Certificate") return take_certificate(field.value);
    if (field.name == "Address") {
      checked([&] { check_node_address(std::string(field.value)); });
      if (std::ranges::count(node_.addresses, field.value) > 0)
        lines_.fail(fmt::format("says the address {} a second time", field.value));
      if (node_.addresses.size() == kMostNodeAddresses)
        lines_.fail(
            fmt::format("is one address too many; a node has at most {}", kMostNodeAddresses));
      node_.addresses.emplace_back(field.value);
      return;
    }
    if (std::ranges::count(seen_, field.name) > 0)
      lines_.fail(fmt::format("says {} a second time", in_one_line(field.name, kShown)));
    seen_.push_back(field.name);
    if (field.name == "Name") {
      checked([&] { check_node_name(std::string(field.value)); });
      node_.name = field.value;
    } else if (field.name == "Domain") {
      if (field.value.empty() || field.value.size() > kMostDomainBytes ||
          !consists_of(field.value, "-._"))
        lines_.fail("has no domain of at most 128 letters, digits, '-', '_' and '.'");
      node_.domain = field.value;
    } else if (field.name == "Ports") {
      take_ports(field.value);
    } else if (field.name == "Roles") {
      take_roles(field.value);
    } else {
      lines_.fail(
          fmt::format("is '{}', which no node document has; known are Name, Domain, "
                      "Address, Ports, Roles, Certificate and End",
                      in_one_line(field.name, kShown)));
    }
  }

  template <typename Check>
  void checked(const Check& check) {
    try {
      check();
    } catch (const Error& error) {
      lines_.fail(fmt::format("is wrong: {}", error.what()));
    }
  }

  void take_ports(std::string_view value) {
    NodePorts& ports = node_.ports;
    std::vector<std::string_view> named;
    for (const std::string_view word : words_of(value)) {
      const std::size_t equals = std::min(word.find('='), word.size());
      const std::string_view which = word.substr(0, equals);
      std::uint16_t* port = which == "sip"    ? &ports.sip
                            : which == "sips" ? &ports.sips
                            : which == "tvs"  ? &ports.tvs
                            : which == "capf" ? &ports.capf
                                              : nullptr;
      const auto number = port_in(word.substr(std::min(equals + 1, word.size())));
      if (port == nullptr || !number || std::ranges::count(named, which) > 0)
        lines_.fail(
            fmt::format("has '{}' where a port stands as in 'sip=5060 sips=5061 tvs=2445 "
                        "capf=3804'",
                        in_one_line(word, kShown)));
      named.push_back(which);
      *port = *number;
    }
  }

  void take_roles(std::string_view value) {
    for (const std::string_view word : words_of(value)) {
      const auto service = node_service_named(word);
      if (!service)
        lines_.fail(fmt::format("has the role '{}'; known are callmanager, tftp, tvs and capf",
                                in_one_line(word, kShown)));
      if (!node_.services.insert(*service).second)
        lines_.fail(fmt::format("says the role {} a second time", word));
    }
  }

  void take_certificate(std::string_view unit_word) {
    const auto unit = unit_named(unit_word);
    if (!unit || name(*unit) != unit_word)
      lines_.fail(fmt::format("announces a certificate of '{}'; units are {}",
                              in_one_line(unit_word, kShown), unit_words()));
    if (node_.certificates.contains(*unit))
      lines_.fail(fmt::format("announces a second certificate of {}", unit_word));
    auto line = lines_.next();
    if (!line || *line != kBeginCertificate) {
      if (line && line->starts_with(kBegin))
        lines_.fail(
            "begins a block that is no certificate; a node document has public "
            "certificates only, and never a key");
      lines_.fail(fmt::format("is not '{}', which follows 'Certificate: {}'", kBeginCertificate,
                              unit_word));
    }
    std::string base64;
    while ((line = lines_.next()) && *line != kEndCertificate) {
      if (line->starts_with("-----")) lines_.fail("is no line of a certificate: the block is cut");
      base64 += *line;
    }
    if (!line) lines_.fail(fmt::format("is the last: the certificate of {} is cut", unit_word));
    try {
      const Bytes der = from_base64(base64);
      auto certificate = shared_certificate(der);
      if (to_der(*certificate) != der) throw Error(Code::malformed, "it is not DER");
      node_.certificates.emplace(*unit, std::move(certificate));
    } catch (const Error& error) {
      lines_.fail(fmt::format("ends the certificate of {}, which cannot be read: {}", unit_word,
                              error.what()));
    }
  }

  ClusterNode end(std::string_view value) {
    if (value != std::to_string(node_.certificates.size()))
      lines_.fail(
          fmt::format("says '{}' certificates, and {} stand before it: the document is cut "
                      "or was changed",
                      in_one_line(value, kShown), node_.certificates.size()));
    const auto require = [](bool there, std::string_view what) {
      if (!there) throw Error(Code::malformed, fmt::format("the node document has no {}", what));
    };
    require(!node_.name.empty(), "line 'Name'");
    require(!node_.addresses.empty(), "line 'Address'");
    require(!node_.services.empty(), "line 'Roles' that says what the node runs");
    require_certificates();
    while (const auto line = lines_.next())
      if (const auto field = field_in(*line); field && field->name == kVersionField)
        lines_.fail("begins a second node document; import one at a time");
    return std::move(node_);
  }

  void require_certificates() const {
    const auto require = [&](NodeService service, Unit unit) {
      if (node_.runs(service) && node_.certificate(unit) == nullptr)
        throw Error(Code::malformed,
                    fmt::format("the node document says the role {}, and has no certificate of {}",
                                name(service), name(unit)));
    };
    require(NodeService::call_manager, Unit::call_manager);
    require(NodeService::tftp, Unit::call_manager);
    require(NodeService::tvs, Unit::tvs);
    require(NodeService::capf, Unit::capf);
  }

  Lines lines_;
  ClusterNode node_;
  std::vector<std::string_view> seen_;
};

}  // namespace

void check_node_name(const std::string& name) {
  if (!name.empty() && name.size() <= kMostNameBytes && consists_of(name, "-_.")) return;
  throw Error(Code::malformed,
              fmt::format("'{}' is no name of a node, which has 1 to 48 letters, digits, '-', '_' "
                          "and '.'",
                          in_one_line(name, kShown)));
}

void check_node_address(const std::string& address) {
  constexpr std::uint32_t kFirstMulticast = 0xe0000000;  // 224.0.0.0 and above are no host's
  in_addr parsed{};
  if (::inet_pton(AF_INET, address.c_str(), &parsed) == 1) {
    const std::uint32_t number = ntohl(parsed.s_addr);
    if (number >> 24U != 0 && number < kFirstMulticast) return;
  } else {
    const bool named = std::ranges::any_of(address, [](char c) { return c > '9'; });
    if (named && address.size() <= kMostAddressBytes && consists_of(address, "-.") &&
        is_letter_or_digit(address.front()))
      return;
  }
  throw Error(Code::malformed,
              fmt::format("'{}' is no address at which phones reach a node: an IPv4 address or a "
                          "host name",
                          in_one_line(address, kShown)));
}

std::string encode_node_file(const ClusterNode& node) {
  std::string text = fmt::format("{}: {}\nName: {}\n", kVersionField, kFileVersion, node.name);
  if (!node.domain.empty()) text += fmt::format("Domain: {}\n", node.domain);
  for (const std::string& address : node.addresses) text += fmt::format("Address: {}\n", address);
  text += fmt::format("Ports: sip={} sips={} tvs={} capf={}\n", node.ports.sip, node.ports.sips,
                      node.ports.tvs, node.ports.capf);
  std::vector<std::string_view> roles;
  for (const NodeService service : node.services) roles.push_back(name(service));
  text += fmt::format("Roles: {}\n", fmt::join(roles, " "));
  for (const Unit unit : kUnits)
    if (const X509* certificate = node.certificate(unit))
      text += fmt::format("Certificate: {}\n{}", name(unit), to_pem(*certificate));
  return text + fmt::format("End: {}\n", node.certificates.size());
}

ClusterNode parse_node_file(BytesView text) {
  if (text.size() > kMostNodeFileBytes)
    throw Error(Code::malformed, "the node document is longer than 64 KiB; none is");
  std::string document = text_of(text);
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (document.starts_with(kByteOrderMark)) document.erase(0, kByteOrderMark.size());
  return Parsing(document).node();
}

std::string node_fingerprint(const ClusterNode& node) {
  return to_hex(digest(Digest::sha256, bytes_of(encode_node_file(node))), Case::upper, ":");
}

}  // namespace ringfence::core
