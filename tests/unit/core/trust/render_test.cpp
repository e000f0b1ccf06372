#include "core/trust/render.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/crypto/digest.h"
#include "core/trust/facts.h"
#include "tests/unit/core/trust/node.h"

namespace ringfence::core {
namespace {

using test::TestNode;
using testing::HasSubstr;

const TestNode& node() {
  return TestNode::shared();
}

/// expect_golden compares with tests/golden/<name>; RINGFENCE_UPDATE_GOLDEN=1 rewrites it.
void expect_golden(const std::string& name, const std::string& text) {
  const std::filesystem::path path =
      std::filesystem::path(RINGFENCE_SOURCE_DIR) / "tests/golden" / name;
  if (std::getenv("RINGFENCE_UPDATE_GOLDEN") != nullptr) write_atomically(path, bytes_of(text));
  EXPECT_EQ(text, text_of(read_file(path, 1 << 20)));
}

/// sample is the trust list of a CUCM 11.5 subscriber, as lsc-on-ip-phones.txt prints it; the
/// checksums and the signature, which that document leaves out, are ours.
TrustListFacts sample() {
  const std::string rest = ";OU=TAC;O=Cisco Systems;L=Boxborough;ST=MA;C=US";
  const std::string call_manager_serial = "48:F7:D2:F3:A2:66:37:F2:DD:DF:C4:7C:E6:B9:CD:44";
  TrustListFacts facts;
  facts.kind = ListKind::itl;
  facts.length = 8186;
  facts.md5 = "1d97d9089dd558a062cccfcb1dc4c57f";
  facts.sha1 = "3b452f9ec9d6543df80e50f8b850cddc92fcf847";
  facts.modified = "Fri Mar 06 21:56:07 UTC 2015";
  facts.header = TrustListFacts::Header{};
  facts.header->version = "1.2";
  facts.header->length = 456;
  facts.header->signer_id_bytes = 143;
  facts.header->signer = {"CN=ao115sub" + rest, 59};
  facts.header->serial = call_manager_serial;
  facts.header->issuer = facts.header->signer;
  facts.header->signature = "65ba26b4bade2b13b818024a2b6c2d200c";
  facts.header->file_name = {"ITLFile.tlv", 12};

  TrustListFacts::Record capf;
  capf.length = 727;
  capf.dns_name = TrustListFacts::Name{"", 2};
  capf.subject = TrustListFacts::Name{"CN=CAPF-7f0ae8d7" + rest, 64};
  capf.function = "CAPF";
  capf.issuer = capf.subject;
  capf.serial = "64:F2:FE:61:3B:79:C5:D3:62:E2:6D:AB:4A:8B:76:1B";
  capf.public_key_bytes = 270;
  capf.signature_bytes = 256;
  capf.hash = "C3 E6 97 D0 8A E1 0B F2 31 EC ED 20 EC C5 BC 0F 83 BC BC 5E";
  capf.hash_algorithm = 1;

  TrustListFacts::Record recovery;
  recovery.length = 1680;
  recovery.dns_name = TrustListFacts::Name{"", 2};
  recovery.subject = TrustListFacts::Name{"CN=ITLRECOVERY_ao115pub" + rest, 71};
  recovery.function = "System Administrator Security Token";
  recovery.issuer = recovery.subject;
  recovery.serial = "51:BB:2F:1C:EE:80:02:16:62:69:51:9A:14:F6:03:7E";
  recovery.public_key_bytes = 270;
  recovery.signature_bytes = 256;
  recovery.certificate_bytes = 963;
  recovery.certificate_sha1 = "DF 98 C1 DB E0 61 02 1C 10 18 D8 BA F7 1B 2C AB 4C F8 C9 D5";
  recovery.signed_the_file = false;

  TrustListFacts::Record call_manager = recovery;
  call_manager.length = 1652;
  call_manager.subject = facts.header->signer;
  call_manager.issuer = facts.header->signer;
  call_manager.serial = call_manager_serial;
  call_manager.certificate_bytes = 959;
  call_manager.certificate_sha1 = "20 BD 40 75 51 C0 61 5C 14 0D 6C DB 79 E5 9E 5A DF DC 6D 8B";
  call_manager.signed_the_file = true;
  TrustListFacts::Record tftp = call_manager;
  tftp.function = "TFTP";
  tftp.dns_name = TrustListFacts::Name{"ao115sub", 9};
  tftp.ip_address_bytes = 4;
  tftp.signed_the_file.reset();
  facts.records = {capf, recovery, call_manager, tftp};
  return facts;
}

TEST(Rendering, HasTheLayoutOfShowItl) {
  expect_golden("trust/show_itl.txt", render_trust_list(sample()));
}

TEST(Rendering, SaysThatThereIsNoFileInCucmsWords) {
  EXPECT_EQ(render_trust_list(facts_of(ListKind::itl, {}, test::kNodeTime)),
            "Length of ITL file: 0\n"
            "ITL File not found. To generate an ITL file, activate or restart the Cisco TFTP "
            "service as this command is only valid on tftp servers.\n"
            "Error parsing the ITL File.\n");
  EXPECT_EQ(render_trust_list(facts_of(ListKind::ctl, {}, test::kNodeTime)),
            "Length of CTL file: 0\n"
            "CTL File not found. This cluster is not in mixed mode, so phones need no CTL file.\n"
            "Error parsing the CTL File.\n");
}

TEST(Rendering, SaysThatAFileIsEmptyAndNotThatThereIsNone) {
  const TrustListFacts facts = facts_of_empty(ListKind::itl);
  EXPECT_EQ(facts.state, "corrupt");
  EXPECT_EQ(render_trust_list(facts),
            "Length of ITL file: 0\n"
            "The ITL file is not usable: the file is empty\n"
            "Error parsing the ITL File.\n");
}

TEST(Facts, DoNotTakeOneKindOfListForTheOther) {
  const Bytes file = node().itl(node().call_manager);
  const TrustListFacts facts = facts_of(ListKind::ctl, file, test::kNodeTime);
  EXPECT_EQ(facts.state, "corrupt");
  EXPECT_EQ(facts.problem, "it is an ITL file, not a CTL file; see it with 'show itl file'");
}

TEST(Rendering, SaysWhatIsWrongWithATruncatedFile) {
  const Bytes file = node().itl(node().call_manager);
  const TrustListFacts facts =
      facts_of(ListKind::itl, BytesView(file).first(file.size() - 7), test::kNodeTime);
  EXPECT_EQ(facts.problem, "record 6: the record is truncated");
  EXPECT_EQ(facts.state, "corrupt");
  EXPECT_TRUE(facts.header.has_value());
  EXPECT_TRUE(facts.records.empty());
  EXPECT_EQ(render_trust_list(facts),
            "Length of ITL file: " + std::to_string(file.size() - 7) +
                "\n"
                "The ITL file is not usable: record 6: the record is truncated\n"
                "Error parsing the ITL File.\n");
}

TEST(Rendering, SaysThatTheSignatureIsWrong) {
  Bytes file = node().itl(node().call_manager);
  file.back() ^= 1;
  EXPECT_THAT(render_trust_list(facts_of(ListKind::itl, file, test::kNodeTime)),
              HasSubstr("The ITL file is not usable: the signature is not that of CN=ao115sub;"));
}

TEST(Facts, AreThoseOfTheFile) {
  const Bytes file = node().itl(node().call_manager);
  const TrustListFacts facts = facts_of(ListKind::itl, file, from_seconds(1425675367));
  EXPECT_EQ(facts.problem, "");
  EXPECT_EQ(facts.state, "verified");
  EXPECT_EQ(facts.length, file.size());
  EXPECT_EQ(facts.modified, "Fri Mar 06 20:56:07 UTC 2015");
  EXPECT_EQ(facts.md5, to_hex(digest(Digest::md5, file)));
  ASSERT_TRUE(facts.header.has_value());
  EXPECT_EQ(facts.header->signer_id_bytes, 59 + 59 + 16 + 9U);
  EXPECT_EQ(facts.header->file_name.length, 12U);
  ASSERT_EQ(facts.records.size(), 6U);
  EXPECT_EQ(facts.records[0].length, 727U);  // the sample's names give the sample's lengths
  EXPECT_EQ(facts.records[1].length, 717U);
  EXPECT_EQ(facts.records[2].signed_the_file, false);
  EXPECT_EQ(facts.records[3].signed_the_file, true);
  EXPECT_FALSE(facts.records[4].signed_the_file.has_value());
  EXPECT_EQ(facts.records[5].dns_name->text, "ao115sub");
  EXPECT_EQ(facts.records[5].dns_name->length, 9U);
  EXPECT_EQ(facts.records[5].public_key_bytes, 97U);
  const std::string text = render_trust_list(facts);
  EXPECT_THAT(text, testing::EndsWith("The ITL file was verified successfully.\n"));
}

TEST(Facts, FollowTheTrustTheyAreGiven) {
  const Bytes file = node().itl(node().call_manager);
  const TrustListFacts facts = facts_of(ListKind::itl, file, test::kNodeTime,
                                        [](const SignerName&) { return std::nullopt; });
  EXPECT_THAT(facts.problem, HasSubstr("is unknown"));
  EXPECT_EQ(facts.state, "not verified");
  EXPECT_EQ(facts.records.size(), 6U);
  EXPECT_EQ(facts_of(ListKind::itl, {}, test::kNodeTime).state, "missing");
}

}  // namespace
}  // namespace ringfence::core
