// A node's document from anywhere: nothing but Error escapes, and what is read is written and read
// again to the same text.
#include "core/trust/node_file.h"

#include <cstdlib>

#include "core/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringfence::core;
  try {
    const ClusterNode node = parse_node_file({data, size});
    if (node.name.empty() || node.addresses.empty() || node.services.empty()) std::abort();
    const std::string text = encode_node_file(node);
    if (encode_node_file(parse_node_file(bytes_of(text))) != text) std::abort();
  } catch (const Error& error) {
    if (error.code() != Code::malformed) std::abort();
  }
  return 0;
}
