// Device names as people write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringfence::core {

/// device_name_from returns the device name that is meant by `written`, for check_device_name to
/// judge.
///
/// A MAC address, with ':', '-', '.' or blanks between its digits and in any case, gets the prefix
/// that it was written with, or else that of its `model`: ATA for an analogue adapter, SEP for any
/// other. Of other names the kind gets its capitals ("csfanna" is CSFanna). What is neither comes
/// back as it is, without blanks around it.
std::string device_name_from(std::string_view written, std::string_view model = {});

/// flaw_of_mac says which character or how many digits make `name`, as device_name_from returns it,
/// no MAC address; nothing when it is one, or looks like something else. It never repeats the name.
std::optional<std::string> flaw_of_mac(std::string_view name);

/// is_soft_client tells whether a device of this name was never in a factory, and so has no MIC:
/// Jabber and the like.
bool is_soft_client(std::string_view device) noexcept;

/// fetches_trust_lists tells whether a device of this name is one that asks for an ITL: hardware
/// phones and ATAs do, soft clients (CSF, BOT, TCT, TAB) do not (cucm-behaviour 3.4).
bool fetches_trust_lists(std::string_view device) noexcept;

}  // namespace ringfence::core
