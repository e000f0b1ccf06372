// The names and numbers of CAPF's messages.
#include "services/capf/protocol.h"

#include <array>
#include <variant>

namespace ringfence::services::capf {

int curve_bits(Curve curve) noexcept {
  switch (curve) {
    case Curve::p256: return 256;
    case Curve::p384: return 384;
    case Curve::p521: return 521;
  }
  return 0;
}

Command command_of(const Message& message) noexcept {
  // In the order of the variant's alternatives.
  static constexpr std::array kCommands = {
      Command::auth_request,          Command::auth_response,  Command::key_generate_request,
      Command::key_generate_response, Command::store_request,  Command::store_response,
      Command::fetch_request,         Command::fetch_response, Command::delete_request,
      Command::delete_response,       Command::end_session,    Command::retry_later,
      Command::in_progress,           Command::status_request, Command::abort_request};
  static_assert(kCommands.size() == std::variant_size_v<Message>);
  return kCommands[message.index()];
}

std::string_view name(Command command) noexcept {
  switch (command) {
    case Command::auth_request: return "AUTH REQUEST";
    case Command::auth_response: return "AUTH RESPONSE";
    case Command::key_generate_request: return "KEY GENERATE REQUEST";
    case Command::key_generate_response: return "KEY GENERATE RESPONSE";
    case Command::store_request: return "STORE CERTIFICATE REQUEST";
    case Command::store_response: return "STORE CERTIFICATE RESPONSE";
    case Command::fetch_request: return "FETCH CERTIFICATE REQUEST";
    case Command::fetch_response: return "FETCH CERTIFICATE RESPONSE";
    case Command::delete_request: return "DELETE CERTIFICATE REQUEST";
    case Command::delete_response: return "DELETE CERTIFICATE RESPONSE";
    case Command::end_session: return "END SESSION";
    case Command::retry_later: return "RETRY LATER";
    case Command::in_progress: return "REQUEST IN PROGRESS";
    case Command::status_request: return "STATUS REQUEST";
    case Command::status_response: return "STATUS RESPONSE";
    case Command::abort_request: return "ABORT REQUEST";
    case Command::abort_response: return "ABORT RESPONSE";
  }
  return "unknown";
}

}  // namespace ringfence::services::capf
