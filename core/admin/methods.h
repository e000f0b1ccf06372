// All methods of the admin API, as facts: for tables, for tests, for who has to have them all.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/admin/method.h"

namespace ringfence::core::admin {

/// MethodFacts is what a declaration says, without its types.
struct MethodFacts {
  using Kept = void (*)();

  std::string_view name;
  int level = 0;
  Act act = Act::look;
  std::string_view request;  ///< the struct's name
  std::string_view answer;   ///< the same
  std::array<Kept, 6>
      codecs;  ///< of both to JSON and back, and its schema; named here so that they are compiled
};

/// all_methods lists every method once, by family as the headers have them.
std::vector<MethodFacts> all_methods();

/// method_table is all of them as the Markdown table of core/admin/README.md.
std::string method_table();

// The families, a file of codecs each.
std::vector<MethodFacts> bulk_methods();
std::vector<MethodFacts> capf_methods();
std::vector<MethodFacts> csr_methods();
std::vector<MethodFacts> job_methods();
std::vector<MethodFacts> node_methods();
std::vector<MethodFacts> offline_methods();
std::vector<MethodFacts> phone_methods();
std::vector<MethodFacts> system_methods();
std::vector<MethodFacts> trust_methods();

}  // namespace ringfence::core::admin
