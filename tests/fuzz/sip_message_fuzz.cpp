// Whatever arrives is nonsense, or is answered with one message that parses, to the source's
// address.
#include <cstdlib>

#include "services/callmanager/sip.h"

using namespace ringfence::services::callmanager;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const SipMessage message(std::string_view(reinterpret_cast<const char*>(data), size));
  if (message.kind() == SipMessage::Kind::nonsense) return 0;
  const std::string peer = "192.0.2.7:49152";
  const Register request = message.registration("udp", peer);
  if (request.contacts.size() > 9 || answer_port(message.sent_by(), peer) == 0) std::abort();
  for (const Contact& contact : request.contacts)
    if (address_in(notify_target(contact, request)) != "192.0.2.7") std::abort();
  if (message.reasons().size() > 4) std::abort();
  message.content_type();
  message.body();
  const std::string answer = message.answer(400, "no", peer);
  if (answer.size() > 4 * size + 1024 || !answer.starts_with("SIP/2.0 400 no\r\n")) std::abort();
  return 0;
}
