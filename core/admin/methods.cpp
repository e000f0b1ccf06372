#include "core/admin/methods.h"

#include <fmt/format.h>

namespace ringfence::core::admin {
namespace {

std::string_view word(Act act) {
  switch (act) {
    case Act::look: return "looks";
    case Act::change: return "changes, audited";
    case Act::begin: return "begins a job, audited";
  }
  return "";
}

}  // namespace

std::vector<MethodFacts> all_methods() {
  std::vector<MethodFacts> all;
  for (const auto family : {system_methods, trust_methods, csr_methods, job_methods, phone_methods,
                            bulk_methods, capf_methods, offline_methods, node_methods})
    for (const MethodFacts& one : family()) all.push_back(one);
  return all;
}

std::string method_table() {
  std::string text = "| method | level | what it does | request → answer |\n|---|---|---|---|\n";
  for (const MethodFacts& one : all_methods())
    text += fmt::format("| `{}` | {} | {} | `{}` → `{}` |\n", one.name, one.level, word(one.act),
                        one.request, one.answer);
  return text;
}

}  // namespace ringfence::core::admin
