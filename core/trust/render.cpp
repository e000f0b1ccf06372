// The layout of CUCM's trust list screens.
#include "core/trust/render.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace ringfence::core {
namespace {

constexpr std::string_view kTableHead =
    "BYTEPOS TAG             LENGTH  VALUE\n"
    "------- ---             ------  -----\n";

/// at_tab pads to the next stop of eight columns, and to `width` at least: the originals are
/// aligned by tabs.
std::string at_tab(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size() / 8 * 8 + 8), ' ');
  return text;
}

/// Screen collects lines; rows of a table have no trailing blanks.
class Screen {
 public:
  explicit Screen(const TrustListFacts& facts) : facts_(facts) {}

  std::string text() && {
    if (facts_.state == "missing") {
      missing();
    } else if (!facts_.problem.empty() || !facts_.header) {
      broken();
    } else {
      head();
      header(*facts_.header);
      for (std::size_t i = 0; i < facts_.records.size(); ++i) record(i + 1, facts_.records[i]);
      line("The {} file was verified successfully.", name(facts_.kind));
    }
    if (!facts_.remark.empty()) line("{}", facts_.remark);
    return std::move(text_);
  }

 private:
  template <typename... Values>
  void line(fmt::format_string<Values...> pattern, Values&&... values) {
    text_ += fmt::format(pattern, std::forward<Values>(values)...);
    text_ += '\n';
  }

  void row(unsigned tag, const char* name, std::uint64_t length, std::string_view value = "") {
    std::string cells = at_tab(std::to_string(tag), 8) + at_tab(name, 16);
    if (value.empty()) {
      line("{}{}", cells, length);
      return;
    }
    line("{}{}{}", cells, at_tab(std::to_string(length), 8), value);
  }

  void row(unsigned tag, const char* name, const TrustListFacts::Name& value) {
    row(tag, name, value.length, value.text);
  }

  void missing() {
    line("Length of {} file: 0", name(facts_.kind));
    if (facts_.kind == ListKind::ctl)
      line("CTL File not found. This cluster is not in mixed mode, so phones need no CTL file.");
    else
      line(
          "ITL File not found. To generate an ITL file, activate or restart the Cisco TFTP "
          "service as this command is only valid on tftp servers.");
    line("Error parsing the {} File.", name(facts_.kind));
  }

  void broken() {
    line("Length of {} file: {}", name(facts_.kind), facts_.length);
    line("The {} file is not usable: {}", name(facts_.kind), facts_.problem);
    line("Error parsing the {} File.", name(facts_.kind));
  }

  void head() {
    line("The checksum value of the {} file:", name(facts_.kind));
    line("{}(MD5)", facts_.md5);
    line("{}(SHA1)", facts_.sha1);
    line("");
    line("Length of {} file: {}", name(facts_.kind), facts_.length);
    if (!facts_.modified.empty())
      line("The {} File was last modified on {}", name(facts_.kind), facts_.modified);
    line("");
    line("        Parse {} File", name(facts_.kind));
    line("        ----------------");
    line("");
  }

  void header(const TrustListFacts::Header& header) {
    line("Version:        {}", header.version);
    line("HeaderLength:   {} (BYTES)", header.length);
    line("");
    text_ += kTableHead;
    row(3, "SIGNERID", 2, std::to_string(header.signer_id_bytes));
    row(4, "SIGNERNAME", header.signer);
    row(5, "SERIALNUMBER", (header.serial.size() + 1) / 3, header.serial);
    row(6, "CANAME", header.issuer);
    row(7, "SIGNATUREINFO", 2, "15");
    row(8, "DIGESTALGORTITHM", 1);
    row(9, "SIGNATUREALGOINFO", 2, "8");
    row(10, "SIGNATUREALGORTITHM", 1);
    row(11, "SIGNATUREMODULUS", 1);
    row(12, "SIGNATURE", header.signature.size() / 2);
    signature(header.signature);
    row(14, "FILENAME", header.file_name.length);
    row(15, "TIMESTAMP", 4);
    if (!header.signer_version.empty()) row(28, "SIGNERVERSION", 2, header.signer_version);
    unknown(header.unknown);
    line("");
  }

  void unknown(const std::vector<TrustListFacts::Element>& elements) {
    for (const TrustListFacts::Element& one : elements)
      row(one.tag, "UNKNOWN", one.length,
          one.hex + (one.length > (one.hex.size() + 1) / 3 ? " ..." : ""));
  }

  /// signature prints eight bytes a line, without leading zeros, in columns of four.
  void signature(std::string_view hex) {
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      const bool last = i % 16 == 14 || i + 3 >= hex.size();
      const std::string_view byte = hex[i] == '0' ? hex.substr(i + 1, 1) : hex.substr(i, 2);
      text_ += last ? fmt::format("{}\n", byte) : fmt::format("{:<4}", byte);
    }
  }

  void record(std::size_t number, const TrustListFacts::Record& record) {
    line("        {} Record #:{}", name(facts_.kind), number);
    line("                      ----");
    text_ += kTableHead;
    row(1, "RECORDLENGTH", 2, std::to_string(record.length));
    if (record.dns_name) row(2, "DNSNAME", *record.dns_name);
    if (record.subject) row(3, "SUBJECTNAME", *record.subject);
    row(4, "FUNCTION", 2, record.function);
    if (record.issuer) row(5, "ISSUERNAME", *record.issuer);
    if (!record.serial.empty())
      row(6, "SERIALNUMBER", (record.serial.size() + 1) / 3, record.serial);
    if (record.public_key_bytes > 0) row(7, "PUBLICKEY", record.public_key_bytes);
    if (record.signature_bytes > 0) row(8, "SIGNATURE", record.signature_bytes);
    if (record.certificate_bytes > 0)
      row(9, "CERTIFICATE", record.certificate_bytes, record.certificate_sha1 + " (SHA1 Hash HEX)");
    if (record.ip_address_bytes > 0) row(10, "IPADDRESS", record.ip_address_bytes);
    if (!record.hash.empty()) row(11, "CERTHASH", (record.hash.size() + 1) / 3, record.hash);
    if (record.hash_algorithm) row(12, "HASH ALGORITHM", 1, "null");
    unknown(record.unknown);
    if (record.signed_the_file)
      line("This etoken was {}used to sign the {} file.", *record.signed_the_file ? "" : "not ",
           name(facts_.kind));
    line("");
  }

  const TrustListFacts& facts_;
  std::string text_;
};

}  // namespace

std::string render_trust_list(const TrustListFacts& facts) {
  return Screen(facts).text();
}

}  // namespace ringfence::core
