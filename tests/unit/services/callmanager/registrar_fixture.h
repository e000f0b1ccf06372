// A registrar that knows three devices, and a REGISTER of one.
#pragma once

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "services/callmanager/registrar.h"

namespace ringfence::services::callmanager {

inline constexpr core::Time kStart{std::chrono::seconds(1'700'000'000)};
inline const std::string kPhone = "SEP001122334455";

class RegistrarTest : public testing::Test {
 protected:
  static Contact contact(const std::string& user, int port = 5060) {
    Contact result;
    result.uri = "sip:" + user + "@10.0.0.7:" + std::to_string(port);
    result.user = user;
    result.device_name = kPhone;
    return result;
  }

  static Register request(const std::string& call_id = "one@phone", std::uint32_t cseq = 1,
                          const std::string& user = "6001") {
    Register result;
    result.call_id = call_id;
    result.cseq = cseq;
    result.to_user = user;
    result.contacts = {contact(user)};
    result.expires = std::chrono::seconds(120);
    result.transport = "udp";
    result.peer = "10.0.0.7:5060";
    result.user_agent = "CP8861";
    return result;
  }

  Verdict receive(const Register& what, core::Time now = kStart, Flow flow = 0) {
    return registrar_.receive(what, flow, devices_, now);
  }

  Registrar registrar_{{std::chrono::seconds(3600), std::chrono::seconds(0)}};
  const Devices devices_{{kPhone, {"stamp"}}, {"SEP00112233445F", {}}, {"CSFanna", {}}};
};

}  // namespace ringfence::services::callmanager
