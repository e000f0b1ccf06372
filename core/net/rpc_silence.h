// What is said of one of our services that gives no answer on its socket.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace ringfence::core {

/// not_running_text and no_answer_text are a sentence each for whoever asked: which service it is,
/// by the name that administrators know, what is wrong with it and what mends that. `socket` is its
/// control socket, <state>/run/<daemon>.sock.
std::string not_running_text(const std::filesystem::path& socket);
std::string no_answer_text(const std::filesystem::path& socket, std::chrono::seconds waited);

/// service_text is that name alone: "Cisco Tftp".
std::string service_text(const std::filesystem::path& socket);

}  // namespace ringfence::core
