// A node's document: what is written is read again, and everything else is refused by its line.
#include "core/trust/node_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/trust/node_check.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/core/trust/node.h"
#include "tests/unit/core/trust/sized_certificate.h"

namespace ringfence::core {
namespace {

using test::TestNode;
using testing::HasSubstr;

constexpr std::chrono::seconds kDay{86400};

/// other is a node beside TestNode: all five units, its own keys.
const ClusterNode& other() {
  static const TestNode made;
  static const ClusterNode one = [] {
    ClusterNode node = made.cluster.nodes[0];
    node.id = 0;
    node.role = NodeRole::subscriber;
    node.name = "voice-b";
    node.domain = "example.com";
    node.addresses = {"192.0.2.8", "voice-b.example.com"};
    node.ports = {15060, 15061, 12445, 13804};
    return node;
  }();
  return one;
}

const std::string& document() {
  static const std::string text = encode_node_file(other());
  return text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string refusal_of(const std::string& text) {
  try {
    parse_node_file(bytes_of(text));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed) << error.what();
    return error.what();
  }
  return "it was read";
}

TEST(NodeFile, IsReadAsItWasWritten) {
  const ClusterNode read = parse_node_file(bytes_of(document()));
  EXPECT_EQ(encode_node_file(read), document());
  EXPECT_EQ(read.name, "voice-b");
  EXPECT_EQ(read.domain, "example.com");
  EXPECT_EQ(read.addresses, other().addresses);
  EXPECT_EQ(read.ports, other().ports);
  EXPECT_EQ(read.services, other().services);
  ASSERT_EQ(read.certificates.size(), 5U);
  for (const auto& [unit, certificate] : read.certificates)
    EXPECT_EQ(to_der(*certificate), to_der(*other().certificate(unit)));
  EXPECT_EQ(node_fingerprint(read), node_fingerprint(other()));
  EXPECT_EQ(node_fingerprint(read).size(), 32U * 3 - 1);
}

TEST(NodeFile, IsTheDocumentThatTheHeaderDescribes) {
  const std::string& text = document();
  EXPECT_TRUE(
      text.starts_with("Ringfence-Node: 1\n"
                       "Name: voice-b\n"
                       "Domain: example.com\n"
                       "Address: 192.0.2.8\n"
                       "Address: voice-b.example.com\n"
                       "Ports: sip=15060 sips=15061 tvs=12445 capf=13804\n"
                       "Roles: callmanager tftp tvs capf\n"
                       "Certificate: ITLRecovery\n"
                       "-----BEGIN CERTIFICATE-----\n"))
      << text;
  EXPECT_TRUE(text.ends_with("-----END CERTIFICATE-----\nEnd: 5\n")) << text;
}

TEST(NodeFile, IsReadByOpensslToo) {
  const test::TemporaryFolder folder;
  write_atomically(folder / "node.txt", bytes_of(document()));
  const auto seen = test::run_openssl("storeutl -noout -certs " + (folder / "node.txt").string());
  EXPECT_EQ(seen.status, 0) << seen.output;
  EXPECT_THAT(seen.output, HasSubstr("Total found: 5"));
}

TEST(NodeFile, MayHaveBeenCopiedFromATerminal) {
  std::string text = "admin:utils node export\n\n" + document() + "admin:\n";
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 3)
    text.replace(at, 1, " \r\n");
  EXPECT_EQ(encode_node_file(parse_node_file(bytes_of("\xEF\xBB\xBF" + text))), document());
}

TEST(NodeFile, NeedsNoPortsAndNoDomain) {
  std::string text = replaced(document(), "Domain: example.com\n", "");
  text = replaced(text, "Ports: sip=15060 sips=15061 tvs=12445 capf=13804\n", "");
  const ClusterNode node = parse_node_file(bytes_of(text));
  EXPECT_EQ(node.ports, NodePorts());
  EXPECT_EQ(node.domain, "");
}

struct BadFile {
  const char* name;
  const char* from;
  const char* to;
  const char* says;
};

class BadNodeFile : public testing::TestWithParam<BadFile> {};

TEST_P(BadNodeFile, IsRefusedByItsLine) {
  EXPECT_THAT(refusal_of(replaced(document(), GetParam().from, GetParam().to)),
              HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadNodeFile,
    testing::Values(
        BadFile{"NoBeginning", "Ringfence-Node: 1\n", "", "this is no node document"},
        BadFile{"OtherVersion", "Node: 1", "Node: 2",
                "line 1 of the node document says version '2', and this release reads version 1"},
        BadFile{"NoEnd", "End: 5\n", "", "is cut: its last line"},
        BadFile{"WrongCount", "End: 5", "End: 4", "says '4' certificates, and 5 stand before it"},
        BadFile{"NoName", "Name: voice-b\n", "", "the node document has no line 'Name'"},
        BadFile{"EmptyName", "voice-b\n", "\n", "line 2 of the node document is wrong: ''"},
        BadFile{"NameThatForges", "voice-b\n", "voice\x1b[2J\n", "is no name of a node"},
        BadFile{"NameTwice", "Domain: example.com", "Name: b",
                "line 3 of the node document says "
                "Name a second time"},
        BadFile{"UnknownField", "Domain:", "Domian:", "is 'Domian', which no node document has"},
        BadFile{"NoField", "Domain: example.com", "hello", "is no 'Name: value' line: 'hello'"},
        BadFile{"BadDomain", "example.com", "exa mple", "has no domain"},
        BadFile{"AddressOfNobody", "192.0.2.8", "0.0.0.0", "'0.0.0.0' is no address"},
        BadFile{"AddressOfMany", "192.0.2.8", "224.0.0.1", "is no address"},
        BadFile{"AddressOutOfRange", "192.0.2.8", "192.0.2.800", "is no address"},
        BadFile{"AddressWithMarkup", "192.0.2.8", "a<b>", "is no address"},
        BadFile{"AddressTwice", "voice-b.example.com", "192.0.2.8",
                "says the address 192.0.2.8 a second time"},
        BadFile{"TooManyAddresses", "Ports:", "Address: a1\nAddress: a2\nAddress: a3\nPorts:",
                "is one address too many"},
        BadFile{"PortZero", "sip=15060", "sip=0", "has 'sip=0' where a port stands"},
        BadFile{"PortTooBig", "sip=15060", "sip=65536", "has 'sip=65536'"},
        BadFile{"PortOfNothing", "sip=15060", "sip", "has 'sip' where a port stands"},
        BadFile{"PortTwice", "sip=15060", "tvs=1 sip=15060", "has 'tvs=12445'"},
        BadFile{"UnknownRole", "callmanager tftp", "callmanager moh", "has the role 'moh'"},
        BadFile{"RoleTwice", "callmanager tftp", "tftp tftp", "says the role tftp a second time"},
        BadFile{"NoRoles", "Roles: callmanager tftp tvs capf\n", "", "no line 'Roles'"},
        BadFile{"RoleWithoutCertificate", "Certificate: TVS", "Certificate: tomcat",
                "announces a certificate of 'tomcat'; units are"},
        BadFile{"UnitTwice", "Certificate: TVS", "Certificate: CAPF",
                "announces a second certificate of CAPF"},
        BadFile{"UnitWithPath", "Certificate: TVS", "Certificate: TVS/TVS.pem", "announces"},
        BadFile{"BlockWithoutUnit", "Certificate: ITLRecovery\n", "",
                "begins a block that no line"},
        BadFile{"PrivateKey", "-----BEGIN CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----",
                "never a key"},
        BadFile{"NoBlock", "-----BEGIN CERTIFICATE-----\n", "", "is not '-----BEGIN"},
        BadFile{"BlockInBlock", "-----END CERTIFICATE-----\n", "", "the block is cut"},
        BadFile{"NoBase64", "\nMII", "\n*II", "cannot be read"},
        BadFile{"NoDer", "\nMII", "\nAAA", "cannot be read"},
        BadFile{"SecondDocument", "End: 5\n", "End: 5\nRingfence-Node: 1\n",
                "begins a second node document"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(NodeFile, IsBoundedInBytesAndLines) {
  EXPECT_THAT(refusal_of(std::string(kMostNodeFileBytes + 1, '\n')), HasSubstr("64 KiB"));
  EXPECT_THAT(refusal_of(std::string(2000, 'x')), HasSubstr("longer than 1024 bytes"));
  EXPECT_THAT(refusal_of(""), HasSubstr("this is no node document"));
  const std::string text = document();
  for (std::size_t size = 0; size + 1 < text.size(); size += 97)
    EXPECT_NE(refusal_of(text.substr(0, size)), "it was read") << size;
}

/// What judges it beside TestNode.
std::vector<std::string> checked(const ClusterNode& node, const Cluster& cluster,
                                 Time now = test::kNodeTime + kDay) {
  return check_node(node, cluster, now);
}

std::string refused(const ClusterNode& node, const Cluster& cluster = TestNode::shared().cluster,
                    Time now = test::kNodeTime + kDay) {
  try {
    checked(node, cluster, now);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::refused);
    return error.what();
  }
  return "it was taken";
}

TEST(NodeCheck, TakesANodeAndItsSuccessor) {
  Cluster cluster = TestNode::shared().cluster;
  EXPECT_THAT(checked(other(), cluster), testing::IsEmpty());
  cluster.nodes.push_back(other());
  cluster.nodes.back().id = 2;
  EXPECT_THAT(checked(other(), cluster), testing::IsEmpty()) << "itself again";
  EXPECT_EQ(node_named(cluster, "VOICE-B")->id, 2);
  EXPECT_EQ(node_named(cluster, "voice-c"), nullptr);
}

TEST(NodeCheck, RefusesThisNodeUnderAnyName) {
  ClusterNode node = other();
  node.name = "AO115SUB";
  EXPECT_THAT(refused(node), HasSubstr("is this node's own name"));
  node = TestNode::shared().cluster.nodes[0];
  node.name = "voice-b";
  EXPECT_THAT(refused(node), HasSubstr("is that of this node"));
  node.addresses = {"192.0.2.99"};
  EXPECT_THAT(refused(node), HasSubstr("of this node; every certificate of a cluster has a key"));
}

TEST(NodeCheck, RefusesWhatAnotherImportedNodeHas) {
  Cluster cluster = TestNode::shared().cluster;
  cluster.nodes.push_back(other());
  cluster.nodes.back().id = 2;
  ClusterNode node = other();
  node.name = "voice-c";
  EXPECT_THAT(refused(node, cluster), HasSubstr("is that of node voice-b"));
  node.addresses = {"192.0.2.9"};
  EXPECT_THAT(refused(node, cluster), HasSubstr("of node voice-b; every certificate"));
}

TEST(NodeCheck, RefusesOneCertificateForTwoUnits) {
  ClusterNode node = other();
  node.certificates[Unit::tvs] = node.certificates[Unit::call_manager];
  EXPECT_THAT(refused(node), HasSubstr("has the key of that of"));
}

TEST(NodeCheck, RefusesByDates) {
  const Cluster& cluster = TestNode::shared().cluster;
  const Time end = not_after_of(*other().certificate(Unit::tvs));
  EXPECT_THAT(refused(other(), cluster, end + kDay), HasSubstr("regenerate it on that node"));
  EXPECT_THAT(refused(other(), cluster, test::kNodeTime - kDay), HasSubstr("still to come"));
  EXPECT_THAT(checked(other(), cluster, end - kDay), testing::SizeIs(5));
}

TEST(NodeCheck, RefusesKeysThatPhonesOrListsCannotUse) {
  const auto with = [](Unit unit, const EvpPkey& key) {
    ClusterNode node = other();
    node.certificates[unit] = shared_certificate(
        to_der(*test::sized_certificate({"voice-b", "11223344556677889900AABBCCDDEEFF", 0}, *key)));
    return node;
  };
  EXPECT_THAT(refused(with(Unit::tvs, test::rsa_key(1024))), HasSubstr("it has 1024"));
  EXPECT_THAT(refused(with(Unit::call_manager, test::rsa_key(3072))),
              HasSubstr("2048 or 4096 bits; it has 3072"));
  EXPECT_EQ(refused(with(Unit::tvs, test::rsa_key(3072))), "it was taken");
  EXPECT_THAT(refused(with(Unit::tvs, test::ec_key("P-256"))), HasSubstr("another kind of key"));
  EXPECT_THAT(refused(with(Unit::call_manager_ecdsa, test::rsa_key())), HasSubstr("EC key"));
}

TEST(NodeCheck, RefusesACertificateThatWasChanged) {
  ClusterNode node = other();
  Bytes der = to_der(*node.certificate(Unit::tvs));
  der.back() ^= 1;
  node.certificates[Unit::tvs] = shared_certificate(der);
  EXPECT_THAT(refused(node), HasSubstr("was changed"));
}

TEST(NodeCheck, RefusesTheTwentyFirst) {
  Cluster cluster = TestNode::shared().cluster;
  for (NodeId id = 2; id < 22; ++id) {
    ClusterNode& one = cluster.nodes.emplace_back();
    one.id = id;
    one.name = "node" + std::to_string(id);
  }
  EXPECT_THAT(refused(other(), cluster), HasSubstr("at most 20 nodes"));
  cluster.nodes.back().name = "voice-b";
  EXPECT_EQ(refused(other(), cluster), "it was taken") << "in the place of its earlier self";
}

TEST(NodeCheck, WarnsOfAnAddressThatIsEachPhoneItself) {
  ClusterNode node = other();
  node.addresses = {"127.0.0.1"};
  EXPECT_THAT(checked(node, TestNode::shared().cluster),
              testing::ElementsAre(HasSubstr("which is each phone itself")));
}

}  // namespace
}  // namespace ringfence::core
