// openssl s_server serves TLS from keys of the token to two clients that check its certificate.
#include "tests/integration/hsm/openssl_house.h"

namespace ringfence::hsm::test {
namespace {

struct Service {
  const char* label;
  const char* version;  ///< "1.2" or "1.3"
  Loading loading;
};

class OpensslTlsTest : public HouseTest, public testing::WithParamInterface<Service> {};

std::string port_of(const std::string& printed) {
  const std::size_t colon = printed.rfind(':', printed.find('\n', printed.find("ACCEPT")));
  return printed.substr(colon + 1, printed.find('\n', colon) - colon - 1);
}

TEST_P(OpensslTlsTest, ServesClientsThatCheckTheCertificate) {
  const Service& service = GetParam();
  const std::string certificate = house().certificate(service.label);
  const bool tls13 = service.version == std::string("1.3");
  Background server(house().line(service.loading, "s_server",
                                 std::string("-accept 127.0.0.1:0 -www -cert ") + certificate +
                                     " -key pkcs11:object=" + service.label +
                                     (tls13 ? " -tls1_3" : " -tls1_2")));
  const std::string port = port_of(server.wait_for("ACCEPT"));

  const std::string folder = "cd " + house().folder().string() + " && ";
  const std::string get = "printf 'GET / HTTP/1.0\\r\\n' | ";
  const CommandResult theirs =
      shell(folder + get +
            "timeout 30 openssl s_client -ign_eof -groups P-256:P-384 -connect 127.0.0.1:" + port +
            " -verify_return_error -verify_ip 127.0.0.1 -CAfile " + certificate);
  EXPECT_NE(theirs.output.find("Verify return code: 0 (ok)"), std::string::npos) << theirs.output;
  EXPECT_NE(theirs.output.find(std::string("New, TLSv") + service.version), std::string::npos)
      << theirs.output;
  EXPECT_NE(theirs.output.find("HTTP/1.0 200 ok"), std::string::npos) << theirs.output;

  const CommandResult gnutls =
      shell(folder + get + "timeout 30 gnutls-cli --port " + port + " --x509cafile " + certificate +
            " --priority NORMAL:-VERS-ALL:+VERS-TLS" + service.version +
            " --verify-hostname=localhost "
            "127.0.0.1");
  EXPECT_NE(gnutls.output.find("The certificate is trusted"), std::string::npos) << gnutls.output;
  EXPECT_NE(gnutls.output.find(std::string("TLS") + service.version), std::string::npos)
      << gnutls.output;
  EXPECT_NE(gnutls.output.find("HTTP/1.0 200 ok"), std::string::npos) << gnutls.output;

  const CommandResult wrong =
      shell(folder + "timeout 30 openssl s_client -connect 127.0.0.1:" + port +
            " -verify_return_error -verify_hostname elsewhere -CAfile " + certificate);
  EXPECT_NE(wrong.output.find("hostname mismatch"), std::string::npos) << wrong.output;
}

std::vector<Service> services() {
  std::vector<Service> all;
  for (const Loading loading : {Loading::command_line, Loading::command_line_ours_first,
                                Loading::configuration, Loading::configuration_ours_first})
    for (const char* version : {"1.2", "1.3"})
      for (const char* label : {"CAPF", "TVS", "CallManager-ECDSA"})
        all.push_back({label, version, loading});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Loaded, OpensslTlsTest, testing::ValuesIn(services()),
                         [](const auto& test) {
                           const Service& service = test.param;
                           const std::string key = service.label == std::string("CAPF")  ? "Rsa"
                                                   : service.label == std::string("TVS") ? "P256"
                                                                                         : "P384";
                           const bool tls13 = service.version == std::string("1.3");
                           return key + (tls13 ? "Tls13" : "Tls12") + name(service.loading);
                         });

/// A client that shows a certificate whose key is in the token.
TEST_F(HouseTest, ShowsAClientsCertificate) {
  const std::string certificate = house().certificate("TVS");
  ASSERT_EQ(shell("cd " + house().folder().string() +
                  " && openssl req -new -x509 -newkey rsa:2048 -nodes -keyout s.key -out s.pem "
                  "-subj /CN=server")
                .status,
            0);
  Background server("cd " + house().folder().string() +
                    " && exec timeout 60 openssl s_server -accept 127.0.0.1:0 -www -cert s.pem "
                    "-key s.key -Verify 1 -verify_return_error -CAfile " +
                    certificate);
  const std::string port = port_of(server.wait_for("ACCEPT"));
  const std::string get = "printf 'GET / HTTP/1.0\\r\\n' | ( ";
  for (const Loading loading : {Loading::command_line, Loading::command_line_ours_first}) {
    const CommandResult shown =
        shell(get + house().line(loading, "s_client",
                                 "-ign_eof -connect 127.0.0.1:" + port + " -cert " + certificate +
                                     " -key pkcs11:object=TVS -CAfile s.pem )"));
    EXPECT_NE(shown.output.find("Client certificate"), std::string::npos) << shown.output;
    EXPECT_NE(shown.output.find("HTTP/1.0 200 ok"), std::string::npos) << shown.output;
  }
}

}  // namespace
}  // namespace ringfence::hsm::test
