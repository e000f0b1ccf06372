// The few words of XML that a phone's alarm needs: names and their text.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfence::services::callmanager {

/// Parameter is an element's name (or that of its `name` attribute) and the text right in it.
using Parameter = std::pair<std::string, std::string>;

/// scan_xml returns what stands in `xml` up to the first thing that cannot be, in order: an element
/// `<String name="A">b</String>` and `<A>b</A>` are both {A, b}; one without text has an empty one.
///
/// No entities but the predefined and numbers below 128; a `<!DOCTYPE` ends the scan. At most 64
/// KiB are looked at, 256 parameters, 32 levels; names and texts are cut at 256 bytes.
std::vector<Parameter> scan_xml(std::string_view xml);

}  // namespace ringfence::services::callmanager
