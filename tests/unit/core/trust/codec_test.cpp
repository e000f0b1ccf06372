// Bytes written by hand, and the byte counts that CUCM itself printed.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/tlv.h"
#include "core/trust/trust_list.h"

namespace ringfence::core {
namespace {

constexpr std::string_view kRecordHex =
    "010002"
    "0047"  // RECORDLENGTH 71
    "020002"
    "0000"  // DNSNAME, blank
    "030005"
    "434e3d6100"  // SUBJECTNAME CN=a
    "040002"
    "0004"  // FUNCTION CAPF
    "050005"
    "434e3d6200"  // ISSUERNAME CN=b
    "060001"
    "07"  // SERIALNUMBER
    "070002"
    "0102"  // PUBLICKEY
    "080001"
    "03"  // SIGNATURE
    "0b0014"
    "000102030405060708090a0b0c0d0e0f10111213"  // CERTHASH
    "0c0001"
    "01";  // HASH ALGORITHM

constexpr std::string_view kSignatureHex =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

std::string header_hex(const std::string& length, const std::string& padding) {
  return "010002"
         "0102"  // version 1.2
         "020002" +
         length +  // HeaderLength
         "030015"  // SIGNERID: 21 bytes inside
         "040006"
         "434e3d616200"  // SIGNERNAME CN=ab
         "050001"
         "07"  // SERIALNUMBER
         "060005"
         "434e3d6200"  // CANAME CN=b
         "07000f"      // SIGNATUREINFO: 15 bytes inside
         "080001"
         "01"  // digest SHA-1
         "090008"
         "0a0001"
         "00"
         "0b0001"
         "00"  // RSA, 64 bytes
         "0c0040" +
         std::string(kSignatureHex) +  // SIGNATURE
         "0e000c"
         "49544c46696c652e746c7600"  // FILENAME ITLFile.tlv
         "0f0004"
         "54fa1234" +
         padding;  // TIMESTAMP, padding
}

Record small_record() {
  Record record;
  record.dns_name = "";
  record.subject = "CN=a";
  record.function = Role::capf;
  record.issuer = "CN=b";
  record.serial = {7};
  record.public_key = {1, 2};
  record.signature = {3};
  record.hash = from_hex("000102030405060708090a0b0c0d0e0f10111213");
  record.hash_algorithm = 1;
  return record;
}

Header small_header() {
  Header header;
  header.signer = {"CN=ab", {7}, "CN=b"};
  header.signature = from_hex(kSignatureHex);
  header.file_name = "ITLFile.tlv";
  header.timestamp = from_seconds(0x54fa1234);
  return header;
}

std::string refusal(const std::string& hex) {
  try {
    parse_trust_list(from_hex(hex));
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed);
    return error.what();
  }
}

TEST(RecordBytes, AreThoseWrittenByHand) {
  EXPECT_EQ(to_hex(encode_record(small_record())), kRecordHex);
}

TEST(HeaderBytes, AreThoseWrittenByHand) {
  // 5 + 5 + 24 + 18 + 67 + 15 + 7 = 141 bytes, three of padding.
  EXPECT_EQ(to_hex(encode_header(small_header())), header_hex("0090", "0d0d0d"));
}

TEST(FileBytes, ParseToTheFieldsWrittenByHand) {
  const TrustList list =
      parse_trust_list(from_hex(header_hex("0090", "0d0d0d") + std::string(kRecordHex)));
  EXPECT_EQ(list.header.version_major, 1);
  EXPECT_EQ(list.header.version_minor, 2);
  EXPECT_EQ(list.header.length, 144);
  EXPECT_EQ(list.header.signer, small_header().signer);
  EXPECT_EQ(list.header.digest_algorithm, 1);
  EXPECT_EQ(list.header.signature_algorithm, 0);
  EXPECT_EQ(list.header.signature_modulus, 0);
  EXPECT_EQ(list.header.signature, small_header().signature);
  EXPECT_EQ(list.header.file_name, "ITLFile.tlv");
  EXPECT_EQ(to_iso(list.header.timestamp), "2015-03-06T20:46:44Z");
  ASSERT_EQ(list.records.size(), 1U);
  const Record& record = list.records[0];
  EXPECT_EQ(record.length, 71);
  EXPECT_EQ(record.dns_name, "");
  EXPECT_EQ(record.dns_name_length, 2U);
  EXPECT_EQ(record.subject, "CN=a");
  EXPECT_EQ(record.issuer, "CN=b");
  EXPECT_EQ(record.function, Role::capf);
  EXPECT_EQ(record.serial, Bytes{7});
  EXPECT_EQ(record.hash, small_record().hash);
  EXPECT_EQ(record.hash_algorithm, 1);
  EXPECT_TRUE(record.certificate.empty());
}

TEST(FileBytes, MayBePaddedAndVersionedAsOthersDo) {
  const std::string record(kRecordHex);
  EXPECT_EQ(refusal(header_hex("0090", "0d0000") + record), "");
  EXPECT_EQ(refusal(header_hex("008d", "") + record), "");
  EXPECT_EQ(refusal(header_hex("0094", "1c000401020304") + record), "");  // signer version
  EXPECT_EQ(refusal(header_hex("0091", "0d00010d") + record), "");
  EXPECT_EQ(refusal(header_hex("0090", "0d0d0d") + record), "");
}

TEST(FileBytes, KeepWhatNobodyKnows) {
  const TrustList list = parse_trust_list(from_hex(header_hex("009c",
                                                              "1c00020101"
                                                              "4d000401020304"
                                                              "4d0000") +
                                                   "0100020017"
                                                   "f00003aabbcc"
                                                   "0400020004"
                                                   "f00000"
                                                   "06000107"));
  EXPECT_EQ(list.header.signer_version, (Bytes{1, 1}));
  EXPECT_EQ(list.header.unknown, (std::vector<UnknownElement>{{77, {1, 2, 3, 4}}, {77, {}}}));
  EXPECT_EQ(list.records.at(0).unknown,
            (std::vector<UnknownElement>{{240, {0xaa, 0xbb, 0xcc}}, {240, {}}}));
  EXPECT_EQ(to_hex(encode_record(list.records[0])),
            "0100020017"
            "0400020004"
            "06000107"
            "f00003aabbcc"
            "f00000");
  const Header again = parse_header(encode_header(list.header));
  EXPECT_EQ(again.unknown, list.header.unknown);
  EXPECT_EQ(again.signer_version, list.header.signer_version);
}

struct BadFile {
  const char* name;
  std::string hex;
  std::string why;
};

class BadFiles : public testing::TestWithParam<BadFile> {};

TEST_P(BadFiles, AreRefusedByTheElementThatIsWrong) {
  EXPECT_EQ(refusal(GetParam().hex), GetParam().why);
}

std::string good_header() {
  return header_hex("0090", "0d0d0d");
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

INSTANTIATE_TEST_SUITE_P(
    Bytes, BadFiles,
    testing::Values(
        BadFile{"Empty", "", "it does not begin as a trust list or a signed file does"},
        BadFile{"Text", "3c3f786d6c20", "it does not begin as a trust list or a signed file does"},
        BadFile{"CutInItsFirstElement", "020002", "HeaderLength is truncated"},
        BadFile{"NoVersion", replaced(good_header(), "0100020102", "4d00020102"),
                "it does not begin as a trust list or a signed file does"},
        BadFile{"NoHeaderLength",
                replaced(good_header(), "0200020090", "4d00020090") + std::string(kRecordHex),
                "HeaderLength (tag 2) is missing"},
        BadFile{"NoSerialNumber", replaced(good_header(), "05000107", "4d000107"),
                "SERIALNUMBER (tag 5) is missing"},
        BadFile{"ElementOfAnotherContainer", replaced(good_header(), "05000107", "0a000107"),
                "SIGNATUREALGORTITHM has no place there"},
        BadFile{"HeaderLongerThanFile", header_hex("ffff", ""),
                "HeaderLength is 65535, but the file has 141 bytes"},
        BadFile{"HeaderShorterThanItsStart", header_hex("0004", ""),
                "HeaderLength is 4, but the file has 141 bytes"},
        BadFile{"HeaderCutShort", header_hex("008c", ""), "TIMESTAMP is truncated"},
        BadFile{"NoRecords", good_header(), "the trust list has no records"},
        BadFile{"SignerIdTooShort", replaced(good_header(), "030015", "030014"),
                "CANAME is truncated"},
        BadFile{"WrongModulus", replaced(good_header(), "0b000100", "0b000102"),
                "SIGNATUREMODULUS is 2, but SIGNATURE has 64 bytes"},
        BadFile{"NameWithoutNul", replaced(good_header(), "434e3d616200", "434e3d616263"),
                "SIGNERNAME is not text that ends with its only NUL"},
        BadFile{"NameWithNulInside", replaced(good_header(), "434e3d616200", "434e00616200"),
                "SIGNERNAME is not text that ends with its only NUL"},
        BadFile{"RepeatedElement", replaced(good_header(), "0e000c49", "0f000c49"),
                "TIMESTAMP must be four bytes long"},
        BadFile{"RecordLengthTooSmall", good_header() + "0100020004",
                "record 1: RECORDLENGTH is smaller than the element itself"},
        BadFile{"RecordLongerThanFile", good_header() + "0100020010",
                "record 1: the record is truncated"},
        BadFile{"RecordWithoutFunction",
                good_header() + "010002000a020002"
                                "0000",
                "record 1: FUNCTION is missing"},
        BadFile{"RecordNotBeginningWithLength", good_header() + "0200020000",
                "record 1: it does not begin with RECORDLENGTH"},
        BadFile{"RecordWithRepeatedFunction",
                good_header() + "010002000f"
                                "0400020004"
                                "0400020004",
                "record 1: element 4 is repeated"},
        BadFile{"RecordWithRepeatedLength",
                good_header() + "010002000a"
                                "0100020004",
                "record 1: RECORDLENGTH is repeated"},
        BadFile{"ElementBeyondItsRecord",
                good_header() +
                    "0100020009"
                    "04000200" +
                    "00",
                "record 1: FUNCTION is truncated"}),
    [](const auto& test) { return test.param.name; });

/// sized makes a record with fields of the given lengths, the names' NUL included.
Record sized(Role function, const std::string& dns_name, std::size_t name, std::size_t public_key,
             std::size_t signature, std::size_t certificate) {
  Record record;
  record.dns_name = dns_name;
  record.function = function;
  record.subject = std::string(name - 1, 's');
  record.issuer = std::string(name - 1, 'i');
  record.serial = Bytes(16, 0x42);
  record.public_key = Bytes(public_key, 1);
  record.signature = Bytes(signature, 2);
  if (certificate > 0) {
    record.certificate = Bytes(certificate, 3);
  } else {
    record.hash = Bytes(20, 4);
    record.hash_algorithm = 1;
  }
  return record;
}

std::size_t length_of(const Record& record) {
  return encode_record(record).size();
}

// Byte counts of lsc-on-ip-phones.txt, CUCM 11.5.
TEST(RecordLength, IsThatOfTheSampleItl) {
  EXPECT_EQ(length_of(sized(Role::capf, "", 64, 270, 256, 0)), 727U);
  EXPECT_EQ(length_of(sized(Role::tvs, "", 59, 270, 256, 0)), 717U);
  EXPECT_EQ(length_of(sized(Role::sast, "", 71, 270, 256, 963)), 1680U);
  EXPECT_EQ(length_of(sized(Role::sast, "", 59, 270, 256, 959)), 1652U);
  EXPECT_EQ(length_of(sized(Role::tftp, "ao115sub", 62, 97, 103, 651)), 1031U);
  const Bytes encoded = encode_record(sized(Role::capf, "", 64, 270, 256, 0));
  EXPECT_EQ(to_hex(BytesView(encoded).first(5)), "01000202d7");  // 727
}

// Byte counts of cucm-cli 2.3, CTL files of CUCM 10.5.
TEST(RecordLength, IsThatOfTheSampleCtl) {
  Record token = sized(Role::sast, "cucm-1051-a-pub", 62, 140, 128, 694);
  token.ip_address = Bytes{10, 48, 46, 1};
  EXPECT_EQ(length_of(token), 1156U);
  Record bare;  // a CCM+TFTP record of a non-secure cluster
  bare.function = Role::ccm_tftp;
  bare.dns_name = "cucm-1051-a";
  bare.ip_address = Bytes{10, 48, 46, 1};
  EXPECT_EQ(length_of(bare), 32U);
  bare.dns_name = "cucm-1051-ab";
  EXPECT_EQ(length_of(bare), 33U);
}

// HeaderLength lines of cucm-cli 2.3: names of 62 bytes with the NUL (SIGNERID 149), and of 46
// (SIGNERID 117).
TEST(HeaderLength, IsThatOfTheSamples) {
  const auto length = [](std::size_t name, std::size_t signature) {
    Header header;
    header.signer = {std::string(name - 1, 's'), Bytes(16, 0x42), std::string(name - 1, 'i')};
    header.signature = Bytes(signature, 1);
    header.file_name = "CTLFile.tlv";
    const Bytes encoded = encode_header(header);
    EXPECT_EQ(parse_header(encoded).length, encoded.size());
    EXPECT_EQ(parse_header(encoded).file_name.size() + 1, 12U);
    return encoded.size();
  };
  EXPECT_EQ(length(62, 128), 336U);
  EXPECT_EQ(length(62, 256), 464U);
  EXPECT_EQ(length(46, 128), 304U);
}

TEST(Header, HasAModulusCodeForFourSizesOnly) {
  Header header = small_header();
  const std::pair<std::size_t, unsigned> sizes[] = {{64, 0}, {128, 1}, {256, 2}, {512, 3}};
  for (const auto& [bytes, code] : sizes) {
    header.signature = Bytes(bytes, 1);
    EXPECT_EQ(parse_header(encode_header(header)).signature_modulus, code);
  }
  header.signature = Bytes(384, 1);
  EXPECT_THROW(encode_header(header), Error);
}

TEST(Element, IsTakenWholeOrNotAtAll) {
  const Bytes bytes = from_hex("0400020003");
  Reader whole(bytes);
  EXPECT_EQ(next_element(whole, "x").value.size(), 2U);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    Reader reader(BytesView(bytes).first(length));
    EXPECT_THROW(next_element(reader, "x"), Error);
    EXPECT_EQ(reader.left(), length);
  }
  Writer writer;
  EXPECT_THROW(append_element(writer, 1, Bytes(65536)), Error);
}

}  // namespace
}  // namespace ringfence::core
