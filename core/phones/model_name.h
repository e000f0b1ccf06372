// One spelling of a phone's model, however it was written.
#pragma once

#include <string>
#include <string_view>

namespace ringfence::core {

/// model_name_from returns the spelling that is kept: "CP-8861" for "Cisco 8861", "8861",
/// "cp-8861", "CP 8861", "Cisco IP Phone 8861" and the ordering number "CP-8861-K9"; "ATA 191" for
/// "ata191" and "Cisco ATA 191". Another text keeps its words, with one blank between them. A
/// pattern with * or ? is read in the same way: "Cisco 88*" is "CP-88*". Idempotent.
std::string model_name_from(std::string_view written);

/// is_model_name says whether `kept`, as model_name_from returned it, can be a phone's model or a
/// pattern of some: a number of four digits, an ATA or VG, a DX, or one of the soft clients.
bool is_model_name(std::string_view kept) noexcept;

}  // namespace ringfence::core
