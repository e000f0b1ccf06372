#include "core/trust/trust_list.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "core/trust/signed_file.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/core/trust/node.h"

namespace ringfence::core {
namespace {

using test::TestNode;

const TestNode& node() {
  return TestNode::shared();
}

/// Signed is what a reader of the format who does not share our code finds.
struct Signed {
  Bytes covered;
  Bytes signature;
};

Signed taken_apart(const Bytes& file) {
  Signed result;
  std::size_t at = 0;
  while (file.at(at) != 12) {  // containers 3, 7 and 9 are entered, so every element is visited
    const std::size_t length = static_cast<std::size_t>(file.at(at + 1)) << 8 | file.at(at + 2);
    const bool container = file[at] == 3 || file[at] == 7 || file[at] == 9;
    at += container ? 3 : 3 + length;
  }
  const std::size_t length = static_cast<std::size_t>(file.at(at + 1)) << 8 | file.at(at + 2);
  const auto begin = file.begin() + static_cast<std::ptrdiff_t>(at);
  const auto end = begin + static_cast<std::ptrdiff_t>(3 + length);
  result.signature.assign(begin + 3, end);
  result.covered.assign(file.begin(), begin);
  result.covered.insert(result.covered.end(), end, file.end());
  return result;
}

/// verified_by_openssl asks the openssl program whether `file` was signed by `certificate`.
test::ToolResult verified_by_openssl(const Bytes& file, const X509& certificate,
                                     const std::string& digest) {
  const test::TemporaryFolder folder;
  const Signed parts = taken_apart(file);
  write_atomically(folder / "data", parts.covered);
  write_atomically(folder / "sig", parts.signature);
  write_atomically(folder / "cert.pem", bytes_of(to_pem(certificate)));
  const std::string at = folder.path().string();
  EXPECT_EQ(
      test::run_openssl("x509 -in " + at + "/cert.pem -noout -pubkey -out " + at + "/pub").status,
      0);
  return test::run_openssl("dgst -" + digest + " -verify " + at + "/pub -signature " + at +
                           "/sig " + at + "/data");
}

void verify_by_itself(BytesView file) {
  const TrustList list = parse_trust_list(file);
  verify_file(file, find_signer_in(list));
}

Code refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "nothing was refused";
  return Code::internal;
}

TEST(TrustList, IsSignedAsTheOpensslProgramUnderstandsIt) {
  const Bytes sha1 = node().itl(node().call_manager);
  EXPECT_EQ(verified_by_openssl(sha1, *node().call_manager.certificate, "sha1").output,
            "Verified OK\n");
  EXPECT_NE(verified_by_openssl(sha1, *node().itl_recovery.certificate, "sha1").status, 0);
  const Bytes sha512 = node().itl(node().itl_recovery, Digest::sha512);
  EXPECT_EQ(verified_by_openssl(sha512, *node().itl_recovery.certificate, "sha512").output,
            "Verified OK\n");
  EXPECT_EQ(parse_header(sha512).digest_algorithm, 3);
  const Bytes sha256 = node().itl(node().itl_recovery, Digest::sha256);
  EXPECT_EQ(verified_by_openssl(sha256, *node().itl_recovery.certificate, "sha256").status, 0);
  for (const Bytes& file : {sha1, sha256, sha512}) EXPECT_NO_THROW(verify_by_itself(file));
}

TEST(TrustList, IsTheSameForTheSameArguments) {
  EXPECT_EQ(node().itl(node().call_manager), node().itl(node().call_manager));
}

TEST(TrustList, ParsesToTheFieldsOfItsCertificates) {
  const Bytes file = node().itl(node().call_manager);
  const TrustList list = parse_trust_list(file);
  const Cluster& cluster = node().cluster;
  const std::vector<RecordRequest> requests = itl_records(cluster, cluster.nodes[0]);
  ASSERT_EQ(list.records.size(), requests.size());
  std::size_t length = list.header.length;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Record& record = list.records[i];
    const X509& certificate = *requests[i].certificate;
    EXPECT_EQ(record.subject, subject_of(certificate));
    EXPECT_EQ(record.issuer, issuer_of(certificate));
    EXPECT_EQ(record.serial, serial_of(certificate));
    EXPECT_EQ(record.public_key, public_key_of(certificate));
    EXPECT_EQ(record.signature, signature_of(certificate));
    EXPECT_EQ(record.function, requests[i].function);
    EXPECT_TRUE(record.matches(to_der(certificate)));
    EXPECT_EQ(record.certificate.empty(), requests[i].content == Content::hash);
    length += record.length;
  }
  EXPECT_EQ(length, file.size());
  EXPECT_EQ(list.header.length % 4, 0);
  EXPECT_EQ(list.header.file_name, "ITLFile.tlv");
  EXPECT_EQ(list.header.timestamp, test::kNodeTime);
  EXPECT_EQ(list.header.signer, signer_name_of(*node().call_manager.certificate));
}

TEST(TrustList, CarriesAddressesInACtl) {
  const FileSigner signer = {node().call_manager.certificate.get(), node().call_manager.key.get(),
                             nullptr};
  const Bytes file = build_trust_list(ListKind::ctl,
                                      {{node().call_manager.certificate.get(), Role::ccm_tftp,
                                        Content::full, "ao115sub", 0x0a302e01}},
                                      signer, Digest::sha1, test::kNodeTime);
  const TrustList list = parse_trust_list(file);
  EXPECT_EQ(list.header.file_name, "CTLFile.tlv");
  EXPECT_EQ(list.records.at(0).ip_address, (Bytes{10, 48, 46, 1}));
  EXPECT_EQ(list.records.at(0).dns_name, "ao115sub");
  EXPECT_NO_THROW(verify_by_itself(file));
}

TEST(TrustList, NeverExceedsWhatAPhoneReads) {
  const FileSigner signer = {node().call_manager.certificate.get(), node().call_manager.key.get(),
                             nullptr};
  const RecordRequest request = {
      node().call_manager.certificate.get(), Role::sast, Content::full, "", {}};
  const std::vector<RecordRequest> many(60, request);
  EXPECT_EQ(refusal([&] {
              build_trust_list(ListKind::ctl, many, signer, Digest::sha1, test::kNodeTime);
            }),
            Code::malformed);
}

TEST(TrustList, IsNotSignedByAnEcKeyNorWithADigestPhonesDoNotKnow) {
  EXPECT_EQ(refusal([] { node().itl(node().call_manager_ecdsa); }), Code::refused);
  EXPECT_EQ(refusal([] { node().itl(node().call_manager, Digest::md5); }), Code::refused);
  EXPECT_EQ(refusal([] { node().itl(node().call_manager, Digest::sha384); }), Code::refused);
}

TEST(TrustList, OfAStrangerIsRefused) {
  const TestNode::Identity stranger = TestNode::identity(Unit::call_manager);
  const Bytes ours = node().itl(node().call_manager);
  const TrustList trusted = parse_trust_list(ours);

  const Bytes foreign = node().itl(stranger);  // its serial is not in our list
  EXPECT_EQ(refusal([&] { verify_file(foreign, find_signer_in(trusted)); }), Code::not_found);

  TestNode::Identity impostor;  // our certificate's name, the stranger's key
  impostor.certificate = share(node().call_manager.certificate.get());
  impostor.key = share(stranger.key.get());
  const Bytes forged = node().itl(impostor);
  EXPECT_EQ(refusal([&] { verify_file(forged, find_signer_in(trusted)); }), Code::refused);
}

TEST(TrustList, IsVerifiedWithSignersOfThePreviousList) {
  const Bytes before = node().itl(node().call_manager);
  const TrustList trusted = parse_trust_list(before);
  const Bytes recovery = node().itl(node().itl_recovery);
  EXPECT_NO_THROW(verify_file(recovery, find_signer_in(trusted)));
}

TEST(TrustList, LetsOnlySignersSign) {
  // The CAPF certificate is in the list in full here, but with a role that does not sign.
  const FileSigner signer = {node().capf.certificate.get(), node().capf.key.get(), nullptr};
  const Bytes file = build_trust_list(
      ListKind::ctl, {{node().capf.certificate.get(), Role::capf, Content::full, "", {}}}, signer,
      Digest::sha1, test::kNodeTime);
  EXPECT_EQ(refusal([&] { verify_by_itself(file); }), Code::not_found);
}

TEST(TrustList, IsRefusedWhereverItIsCut) {
  const Bytes file = node().itl(node().call_manager);
  for (std::size_t length = 0; length < file.size(); ++length) {
    try {
      verify_by_itself(BytesView(file).first(length));
      ADD_FAILURE() << "accepted at " << length;
    } catch (const Error& error) {
      EXPECT_STRNE(error.what(), "");
      if (error.code() == Code::malformed) continue;
      // Cut between two records the rest is well formed; then the signature, or the signer's
      // record that is gone, tells.
      EXPECT_TRUE(error.code() == Code::refused || error.code() == Code::not_found) << length;
    }
  }
}

TEST(TrustList, IsRefusedWithAnyByteChanged) {
  const Bytes file = node().itl(node().call_manager);
  const TrustList trusted = parse_trust_list(file);
  Bytes changed = file;
  for (std::size_t at = 0; at < file.size(); ++at) {
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ (1U << (at % 8)));
    EXPECT_THROW(verify_file(changed, find_signer_in(trusted)), Error) << at;
    changed[at] = file[at];
  }
}

TEST(TrustList, SurvivesRandomChangesAndSaysTheSameTwice) {
  const Bytes file = node().itl(node().call_manager);
  std::mt19937 random(20161121);
  std::size_t parsed = 0;
  for (int round = 0; round < 20000; ++round) {
    Bytes changed = file;
    for (unsigned i = 0; i <= random() % 4; ++i)
      changed[random() % changed.size()] = static_cast<std::uint8_t>(random());
    if (random() % 4 == 0) changed.resize(random() % changed.size());
    try {
      const TrustList list = parse_trust_list(changed);
      ++parsed;
      for (const Record& record : list.records) {
        const Bytes encoded = encode_record(record);
        EXPECT_EQ(encoded.size(), record.length);
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::malformed) << error.what();
    }
  }
  EXPECT_GT(parsed, 1000U);  // most changes hit a value, not a length
}

TEST(TrustList, SurvivesNoise) {
  std::mt19937 random(42);
  for (int round = 0; round < 20000; ++round) {
    Bytes noise(random() % 200);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random() % 16);
    EXPECT_THROW(parse_trust_list(noise), Error);
  }
  EXPECT_THROW(parse_trust_list(Bytes((1 << 20) + 1)), Error);
}

TEST(SignedFile, CarriesTheFileBehindASignedHeader) {
  const std::string content = "<device><deviceProtocol>SIP</deviceProtocol></device>\n";
  const FileSigner signer = {node().call_manager.certificate.get(), node().call_manager.key.get(),
                             nullptr};
  const Bytes file = sign_file("SEP001122334455.cnf.xml", bytes_of(content), signer, Digest::sha512,
                               test::kNodeTime);
  const Header header = parse_header(file);
  EXPECT_EQ(header.version_major, 1);
  EXPECT_EQ(header.version_minor, 0);
  EXPECT_EQ(header.file_name, "SEP001122334455.cnf.xml");
  EXPECT_EQ(text_of(content_of(file)), content);
  EXPECT_EQ(verified_by_openssl(file, *node().call_manager.certificate, "sha512").output,
            "Verified OK\n");

  const Bytes itl = node().itl(node().call_manager);
  const TrustList trusted = parse_trust_list(itl);
  EXPECT_NO_THROW(verify_file(file, find_signer_in(trusted)));
  Bytes changed = file;
  changed.back() = '!';
  EXPECT_EQ(refusal([&] { verify_file(changed, find_signer_in(trusted)); }), Code::refused);
}

TEST(SignedFile, MayBeEmpty) {
  const FileSigner signer = {node().call_manager.certificate.get(), node().call_manager.key.get(),
                             nullptr};
  const Bytes file = sign_file("x", {}, signer, Digest::sha1, test::kNodeTime);
  EXPECT_TRUE(content_of(file).empty());
}

}  // namespace
}  // namespace ringfence::core
