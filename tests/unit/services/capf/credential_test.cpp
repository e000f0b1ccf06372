// Certificates that phones show, true and false ones, with real keys.
#include "services/capf/credential.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "tests/unit/services/capf/phone_certificates.h"
#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence::services::capf {
namespace {

using core::Bytes;
using test::Pair;
using test::Wanted;
using namespace std::chrono_literals;

constexpr const char* kPhone = "SEP001122334455";
constexpr const char* kOther = "SEP001122334456";
constexpr std::uint32_t kSession = 0x01020304;
constexpr core::Time kNow{std::chrono::seconds(1'700'000'000)};

Wanted leaf(const std::string& name) {
  return {name, kNow - 24h, kNow + 24h, false, {}};
}

Wanted authority(const std::string& name) {
  return {name, kNow - 48h, kNow + 48h, true, {}};
}

class StoppedClock final : public core::Clock {
 public:
  core::Time now() const override { return kNow; }
};

class CapfCredential : public testing::Test {
 protected:
  static void SetUpTestSuite() { pki_ = new Pki; }

  static void TearDownTestSuite() {
    delete pki_;
    pki_ = nullptr;
  }

  /// Pki is made once: keys take time.
  struct Pki {
    Pair maker = make_pair(test::ec_key("P-256"), authority("Maker CA"), nullptr);
    Pair capf = make_pair(test::rsa_key(2048), authority("CAPF-1"), nullptr);
    Pair mic = make_pair(test::rsa_key(2048), leaf("CP-8861-" + std::string(kPhone)), &maker);
    Pair lsc = make_pair(test::rsa_key(1024), leaf("CP-8861-" + std::string(kPhone)), &capf);
    Pair ec = make_pair(test::ec_key("P-384"), leaf(kPhone), &capf);
  };

  static Pki& pki() { return *pki_; }

  CapfCredential() {
    anchors->trust(pki().maker.der(), core::Anchors::Purpose::mic);
    anchors->own(pki().capf.der());
  }

  /// shown is a phone that proves `pair` to be its own, by both digests.
  static AuthResponse shown(const Pair& pair, CertificateKind kind = CertificateKind::lsc,
                            const std::string& device = kPhone) {
    AuthResponse response;
    response.device = device;
    response.certificate = ShownCertificate{kind, pair.der()};
    const Bytes data = test::name_and_certificate(device, pair.der());
    response.sha1_signature = test::bare_signature(pair.key.get(), "SHA1", data);
    response.sha512_signature =
        Sha2Signature{0, test::bare_signature(pair.key.get(), "SHA512", data)};
    return response;
  }

  static Sudi sudi(const Pair& pair, std::uint32_t session = kSession) {
    const Bytes data = test::session_and_certificate(session, pair.der());
    return {pair.der(), test::bare_signature(pair.key.get(), "SHA1", data),
            test::bare_signature(pair.key.get(), "SHA512", data)};
  }

  Credential check(const AuthResponse& response) {
    return check_credential(response, kSession, "CP-8861", anchors, clock);
  }

  std::string refusal(const AuthResponse& response) {
    try {
      check(response);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::Code::refused);
      return error.what();
    }
    return "";
  }

  std::shared_ptr<core::Anchors> anchors = std::make_shared<core::Anchors>("CAPF-trust");
  StoppedClock clock;

 private:
  static Pki* pki_;
};

CapfCredential::Pki* CapfCredential::pki_ = nullptr;

TEST_F(CapfCredential, BelievesAnLscWithBothSignatures) {
  const Credential credential = check(shown(pki().lsc));
  EXPECT_EQ(credential.kind, CertificateKind::lsc);
  EXPECT_EQ(credential.der, pki().lsc.der());
  EXPECT_EQ(credential.serial, core::serial_of(*pki().lsc.certificate));
  EXPECT_TRUE(credential.issuer.own);
}

TEST_F(CapfCredential, BelievesAMicAndEllipticKeys) {
  EXPECT_FALSE(check(shown(pki().mic, CertificateKind::mic)).issuer.own);
  EXPECT_TRUE(check(shown(pki().ec)).issuer.own);
}

TEST_F(CapfCredential, IsContentWithOneOfTheSignatures) {
  AuthResponse old = shown(pki().lsc);
  old.sha512_signature.reset();
  EXPECT_EQ(refusal(old), "");
  AuthResponse young = shown(pki().lsc);
  young.sha1_signature.clear();
  EXPECT_EQ(refusal(young), "");
}

TEST_F(CapfCredential, WantsEverySignatureThatIsThereToBeRight) {
  AuthResponse none = shown(pki().lsc);
  none.sha1_signature.clear();
  none.sha512_signature.reset();
  EXPECT_EQ(refusal(none), "the certificate came without the phone's signature");
  AuthResponse first = shown(pki().lsc);
  first.sha1_signature.back() ^= 1;
  EXPECT_EQ(refusal(first),
            "the phone's signature with SHA-1 does not verify with the certificate's key");
  AuthResponse second = shown(pki().lsc);
  second.sha512_signature->bytes.back() ^= 1;
  EXPECT_EQ(refusal(second),
            "the phone's signature with SHA-512 does not verify with the certificate's key");
  AuthResponse elliptic = shown(pki().ec);
  elliptic.sha1_signature.back() ^= 1;
  EXPECT_NE(refusal(elliptic), "");
}

TEST_F(CapfCredential, WantsTheSignatureToBeOverThisNameAndThisCertificate) {
  AuthResponse other = shown(pki().lsc);
  other.device = kOther;
  EXPECT_NE(refusal(other), "");
  AuthResponse swapped = shown(pki().lsc);
  swapped.certificate->der = pki().ec.der();
  EXPECT_NE(refusal(swapped), "");
}

TEST_F(CapfCredential, RefusesAnotherPhonesCertificateHoweverWellItIsProven) {
  const Pair other =
      make_pair(test::ec_key("P-256"), leaf("CP-8861-" + std::string(kOther)), &pki().capf);
  EXPECT_EQ(refusal(shown(other)),
            "the certificate is of another device: CN=CP-8861-SEP001122334456");
  // A name that only contains the device's.
  for (const std::string name :
       {"XSEP001122334455", "SEP001122334455-X", "sep001122334455", "CP-8861-SEP00112233445"}) {
    EXPECT_NE(refusal(shown(make_pair(test::ec_key("P-256"), leaf(name), &pki().capf))), "")
        << name;
  }
}

TEST_F(CapfCredential, RefusesASubjectWithTwoNames) {
  Wanted two = leaf(kOther);
  two.second_common_name = kPhone;
  EXPECT_EQ(refusal(shown(make_pair(test::ec_key("P-256"), two, &pki().capf))),
            "the certificate's subject has 2 common names, not one");
}

TEST_F(CapfCredential, RefusesWhatIsExpiredOrNotYetValid) {
  Wanted past = leaf(kPhone);
  past.not_after = kNow - 1s;
  EXPECT_EQ(refusal(shown(make_pair(test::ec_key("P-256"), past, &pki().capf))),
            "CN=SEP001122334455 expired at 2023-11-14T22:13:19Z");
  Wanted future = leaf(kPhone);
  future.not_before = kNow + 1s;
  EXPECT_EQ(refusal(shown(make_pair(test::ec_key("P-256"), future, &pki().capf))),
            "CN=SEP001122334455 is not valid before 2023-11-14T22:13:21Z");
}

TEST_F(CapfCredential, RefusesAnIssuerThatIsNotInCapfTrust) {
  const Pair stranger = make_pair(test::ec_key("P-256"), authority("Stranger CA"), nullptr);
  EXPECT_NE(refusal(shown(make_pair(test::ec_key("P-256"), leaf(kPhone), &stranger))), "");
  // The trusted one's name, another key.
  const Pair forged = make_pair(test::ec_key("P-256"), authority("CAPF-1"), nullptr);
  EXPECT_NE(refusal(shown(make_pair(test::ec_key("P-256"), leaf(kPhone), &forged))), "");
  EXPECT_NE(refusal(shown(make_pair(test::ec_key("P-256"), leaf(kPhone), nullptr))), "");
}

TEST_F(CapfCredential, RefusesAPhonesCertificateAsAnIssuer) {
  EXPECT_NE(refusal(shown(make_pair(test::ec_key("P-256"), leaf(kPhone), &pki().lsc))), "");
  anchors->trust(pki().lsc.der(), core::Anchors::Purpose::capf);
  EXPECT_NE(refusal(shown(make_pair(test::ec_key("P-256"), leaf(kPhone), &pki().lsc))), "");
}

TEST_F(CapfCredential, RefusesACaThatIsShownAsAPhones) {
  EXPECT_EQ(refusal(shown(make_pair(test::ec_key("P-256"), authority(kPhone), &pki().capf))),
            "the certificate is one of a CA, not of a phone");
}

TEST_F(CapfCredential, TakesAnIntermediateAsAnAnchorAndAChainThroughOne) {
  const Pair root = make_pair(test::ec_key("P-256"), authority("Root"), nullptr);
  const Pair middle = make_pair(test::ec_key("P-256"), authority("Middle"), &root);
  const Pair mic = make_pair(test::ec_key("P-256"), leaf(kPhone), &middle);
  EXPECT_NE(refusal(shown(mic, CertificateKind::mic)), "");
  anchors->trust(middle.der(), core::Anchors::Purpose::mic);
  EXPECT_EQ(refusal(shown(mic, CertificateKind::mic)), "");
  anchors->trust(root.der(), core::Anchors::Purpose::ca);
  EXPECT_EQ(refusal(shown(mic, CertificateKind::mic)), "");
}

TEST_F(CapfCredential, RefusesBytesThatAreNoCertificate) {
  AuthResponse broken = shown(pki().lsc);
  broken.certificate->der = core::from_hex("3003020101");
  EXPECT_EQ(refusal(broken), "the bytes are not a DER certificate");
  broken.certificate->der = pki().lsc.der();
  broken.certificate->der.push_back(0);
  EXPECT_EQ(refusal(broken), "bytes follow the end of the DER certificate");
}

/// blocks are RSA blocks that are nearly right.
TEST_F(CapfCredential, TakesNoPaddingButTheOneThatIsRight) {
  EVP_PKEY* key = pki().lsc.key.get();
  const std::size_t size = 128;
  const Bytes digest = test::hash("SHA1", test::name_and_certificate(kPhone, pki().lsc.der()));
  const auto block = [&](std::size_t padding, const Bytes& behind) {
    Bytes bytes{0, 1};
    bytes.resize(2 + padding, 0xff);
    bytes.push_back(0);
    bytes.insert(bytes.end(), digest.begin(), digest.end());
    bytes.insert(bytes.end(), behind.begin(), behind.end());
    return bytes;
  };
  const auto answer = [&](const Bytes& whole) {
    AuthResponse response = shown(pki().lsc);
    response.sha512_signature.reset();
    response.sha1_signature = test::raw_rsa(key, whole);
    return refusal(response);
  };
  const Bytes right = block(size - 23, {});
  ASSERT_EQ(right.size(), size);
  EXPECT_EQ(answer(right), "");

  EXPECT_NE(answer(block(8, Bytes(size - 31, 0x5a))), "") << "short padding, garbage behind";
  EXPECT_NE(answer(block(size - 24, {0})), "") << "one byte behind";
  Bytes type2 = right;
  type2[1] = 2;
  EXPECT_NE(answer(type2), "");
  Bytes hole = right;
  hole[40] = 0xfe;
  EXPECT_NE(answer(hole), "");
  Bytes early_end = right;
  early_end[12] = 0;
  EXPECT_NE(answer(early_end), "");
  Bytes no_end = right;
  no_end[size - 21] = 0xff;
  EXPECT_NE(answer(no_end), "");
}

TEST_F(CapfCredential, RefusesASignatureWithADigestInfo) {
  const Bytes data = test::name_and_certificate(kPhone, pki().lsc.der());
  AuthResponse response = shown(pki().lsc);
  response.sha1_signature = test::digest_info_signature(pki().lsc.key.get(), "SHA1", data);
  EXPECT_NE(refusal(response), "");
  response = shown(pki().lsc);
  response.sha512_signature->bytes =
      test::digest_info_signature(pki().lsc.key.get(), "SHA512", data);
  EXPECT_NE(refusal(response), "");
}

TEST_F(CapfCredential, RefusesSignaturesOfAnotherLength) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{127}, std::size_t{129}}) {
    AuthResponse response = shown(pki().lsc);
    response.sha1_signature.resize(size);
    EXPECT_NE(refusal(response), "") << size;
  }
  AuthResponse large = shown(pki().lsc);
  large.sha1_signature.assign(128, 0xff);  // above the modulus
  EXPECT_NE(refusal(large), "");
}

TEST_F(CapfCredential, RefusesASignatureOfAnotherDigestsData) {
  AuthResponse response = shown(pki().lsc);
  response.sha1_signature = response.sha512_signature->bytes;
  EXPECT_NE(refusal(response), "");
}

TEST_F(CapfCredential, TakesSudiDataAsAMic) {
  AuthResponse response;
  response.device = kPhone;
  response.sudi = sudi(pki().mic);
  const Credential credential = check(response);
  EXPECT_EQ(credential.kind, CertificateKind::mic);
  EXPECT_EQ(credential.der, pki().mic.der());

  // The MIC in both places needs the SUDI signatures alone.
  response.certificate = ShownCertificate{CertificateKind::mic, pki().mic.der()};
  EXPECT_EQ(refusal(response), "");
  response.certificate = ShownCertificate{CertificateKind::lsc, pki().lsc.der()};
  EXPECT_EQ(refusal(response), "the certificate came without the phone's signature");
}

TEST_F(CapfCredential, RefusesSudiDataThatWasRecordedInAnotherSession) {
  AuthResponse response = shown(pki().mic, CertificateKind::mic);
  response.sudi = sudi(pki().mic, kSession - 1);
  EXPECT_EQ(refusal(response),
            "the SUDI signature of this session with SHA-1 does not verify with the certificate's "
            "key");
  response.sudi = sudi(pki().mic, 0x04030201);  // the id the other way round
  EXPECT_NE(refusal(response), "");
  response.sudi = sudi(pki().mic);
  EXPECT_EQ(refusal(response), "");
}

TEST_F(CapfCredential, WantsSudiDataToBeRightAlsoBesideAProvenCertificate) {
  AuthResponse response = shown(pki().lsc);
  response.sudi = sudi(pki().mic);
  EXPECT_EQ(check(response).kind, CertificateKind::lsc);
  response.sudi->sha1_signature.clear();
  EXPECT_EQ(refusal(response), "");
  response.sudi->sha512_signature.clear();
  EXPECT_EQ(refusal(response), "the certificate came without the SUDI signature of this session");
  response.sudi = sudi(pki().mic);
  response.sudi->sha512_signature.pop_back();
  EXPECT_NE(refusal(response), "");
  const Pair other = make_pair(test::ec_key("P-256"), leaf(kOther), &pki().maker);
  response.sudi = sudi(other);
  EXPECT_NE(refusal(response), "");
}

}  // namespace
}  // namespace ringfence::services::capf
