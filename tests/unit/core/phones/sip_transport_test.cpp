#include "core/phones/sip_transport.h"

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

struct Family {
  const char* model;
  SipTransport transport;
};

class SipTransportOf : public testing::TestWithParam<Family> {};

INSTANTIATE_TEST_SUITE_P(
    Families, SipTransportOf,
    testing::Values(
        Family{"CP-6941", SipTransport::over_tcp}, Family{"CP-7821", SipTransport::over_tcp},
        Family{"Cisco 7861", SipTransport::over_tcp}, Family{"7832", SipTransport::over_tcp},
        Family{"CP-7975G", SipTransport::over_tcp}, Family{"CP-7962", SipTransport::over_tcp},
        Family{"Cisco 7911", SipTransport::over_tcp}, Family{"CP-8861-K9", SipTransport::over_tcp},
        Family{"CP-8861", SipTransport::over_tcp}, Family{"CP-8821", SipTransport::over_tcp},
        Family{"8961", SipTransport::over_tcp}, Family{"CP-9971", SipTransport::over_tcp},
        Family{"DP-9861", SipTransport::over_tcp}, Family{"CP-DX650", SipTransport::over_tcp},
        Family{"CSF", SipTransport::over_tcp}, Family{"Cisco Jabber", SipTransport::over_tcp},
        Family{"CP-7940G", SipTransport::over_udp}, Family{"7960", SipTransport::over_udp},
        Family{"CP-7912", SipTransport::over_udp}, Family{"CP-3905", SipTransport::over_udp},
        Family{"ATA 191", SipTransport::over_udp}, Family{"ATA191-K9", SipTransport::over_udp},
        Family{"", SipTransport::over_udp}, Family{"Other", SipTransport::over_udp},
        Family{"88611", SipTransport::over_udp}));

TEST_P(SipTransportOf, IsTcpWhereTheModelCan) {
  EXPECT_EQ(sip_transport_of(GetParam().model), GetParam().transport) << GetParam().model;
}

}  // namespace
}  // namespace ringfence::core
