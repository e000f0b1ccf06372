// Parameters that several command families take.
#include "shell/parameters.h"

#include <utility>

namespace ringfence::shell {

Parameter named(std::string name, std::string help, std::vector<std::string> choices) {
  return {.name = std::move(name),
          .help = std::move(help),
          .kind = choices.empty() ? Kind::word : Kind::choice,
          .presence = Presence::optional,
          .form = Form::named,
          .choices = std::move(choices)};
}

Parameter device_name() {
  return {.name = "name", .help = "the device's name, like SEP001122334455"};
}

std::vector<Parameter> joined(std::vector<Parameter> first, const std::vector<Parameter>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace ringfence::shell
