// The names of devices, alone and as certificates carry them: "SEP001122334455",
// "CP-8861-SEP001122334455".
#pragma once

#include <string_view>

namespace ringfence::core {

/// is_device_name tells whether `name` is SEP or ATA and 12 upper-case hexadecimal digits, or CSF,
/// BOT, TCT, TAB and 1 to 12 letters, digits, '_', '.', '-'.
bool is_device_name(std::string_view name) noexcept;

/// device_of returns the device that the common name of a phone's certificate names: all of it, or
/// what stands behind "MODEL-"; empty for anything else. MODEL is a product's number: upper-case
/// letters, digits, '+' and '-', a digit among them, at most 20. Of names that can be read in two
/// ways the longer one counts, so that "CSFa-TABb" is never the device "TABb". A view into
/// `common_name`.
std::string_view device_of(std::string_view common_name) noexcept;

/// names_device tells whether `common_name` is the device's name, or MODEL and it. `model` is what
/// this node knows of the device, in whatever words, "" for nothing: that stands before '-', too.
/// A product's number there must be the model's: CP-8861 and "Cisco 8861" are one, CP-8861 and
/// CP-8851 are not; CP-8865NR is a CP-8865. Where one has no number of three digits, all are.
bool names_device(std::string_view common_name, std::string_view device,
                  std::string_view model) noexcept;

}  // namespace ringfence::core
