// The table of models, by the first number in their name.
#include "core/phones/sip_transport.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/phones/model_series.h"

namespace ringfence::core {
namespace {

using Names = std::string_view;

constexpr std::array<Names, 7> kTcpFamilies{"69", "78", "79", "88", "89", "98", "99"};
constexpr std::array<Names, 5> kUdpOnly{"7905", "7912", "7920", "7940", "7960"};
constexpr std::array<Names, 5> kTcpWords{"CSF", "BOT", "TCT", "TAB", "JABBER"};

template <std::size_t Count>
bool contains(const std::array<Names, Count>& names, Names name) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// says tells whether `word`, in capitals, stands in `model` in any case.
bool says(Names model, Names word) noexcept {
  const auto same = [](char a, char b) {
    return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 0x20) : a) == b;
  };
  return std::search(model.begin(), model.end(), word.begin(), word.end(), same) != model.end();
}

/// is_desk_video tells a DX650, DX70 or DX80.
bool is_desk_video(Names model) noexcept {
  return says(model, "DX650") || says(model, "DX70") || says(model, "DX80");
}

}  // namespace

SipTransport sip_transport_of(std::string_view model) noexcept {
  if (says(model, "ATA")) return SipTransport::over_udp;
  if (const Names number = model_number_of(model); !number.empty()) {
    const bool tcp = contains(kTcpFamilies, number.substr(0, 2)) && !contains(kUdpOnly, number);
    return tcp ? SipTransport::over_tcp : SipTransport::over_udp;
  }
  const bool tcp =
      is_desk_video(model) || std::any_of(kTcpWords.begin(), kTcpWords.end(),
                                          [&](Names word) { return says(model, word); });
  return tcp ? SipTransport::over_tcp : SipTransport::over_udp;
}

}  // namespace ringfence::core
