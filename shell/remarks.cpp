// Warnings and notes: what an administrator should know beside an answer.
#include "shell/remarks.h"

#include <algorithm>
#include <array>
#include <sstream>

#include <boost/json/array.hpp>

#include "core/base/text.h"

namespace ringfence::shell {
namespace {

namespace json = boost::json;

struct Sort {
  std::string_view begin;
  std::string_view member;
  std::vector<std::string> Remarks::*list;
};

constexpr std::array kSorts = {Sort{"WARNING: ", "warnings", &Remarks::warnings},
                               Sort{"NOTE: ", "notes", &Remarks::notes}};

}  // namespace

Remarks Remarks::add(const Remarks& more) {
  Remarks news;
  for (const Sort& sort : kSorts) {
    std::vector<std::string>& here = this->*sort.list;
    for (const std::string& one : more.*sort.list) {
      if (std::ranges::count(here, one) > 0) continue;
      here.push_back(one);
      (news.*sort.list).push_back(one);
    }
  }
  return news;
}

std::string Remarks::text() const {
  std::string text;
  for (const Sort& sort : kSorts)
    for (const std::string& one : this->*sort.list) text += std::string(sort.begin) + one + "\n";
  return text;
}

Remarks remarks_in(std::string_view text) {
  Remarks remarks;
  std::string* open = nullptr;  // the remark that the next line goes on with
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const std::string_view words = core::trimmed(line, " \t\r\n");
    const auto sort =
        std::ranges::find_if(kSorts, [&](const Sort& one) { return words.starts_with(one.begin); });
    if (sort != kSorts.end()) {
      auto& list = remarks.*sort->list;
      open = &list.emplace_back(core::trimmed(words.substr(sort->begin.size())));
    } else if (words.empty()) {
      open = nullptr;
    } else if (open != nullptr) {
      *open += " " + std::string(words);
    }
  }
  return remarks;
}

Remarks remarks_of(const json::object& document) {
  Remarks remarks;
  for (const Sort& sort : kSorts) {
    const json::value* member = document.if_contains(sort.member);
    if (member == nullptr || !member->is_array()) continue;
    for (const json::value& one : member->get_array())
      if (one.is_string()) (remarks.*sort.list).emplace_back(one.get_string());
  }
  return remarks;
}

void put_remarks(json::object& document, const Remarks& remarks) {
  Remarks all = remarks_of(document);
  all.add(remarks);
  for (const Sort& sort : kSorts) {
    json::array list;
    for (const std::string& one : all.*sort.list) list.emplace_back(one);
    document[sort.member] = std::move(list);
  }
}

void describe_remarks(json::object& schema) {
  json::value& properties = schema["properties"];
  if (!properties.is_object()) properties = json::object();
  for (const Sort& sort : kSorts)
    properties.get_object()[sort.member] =
        json::object{{"type", "array"}, {"items", json::object{{"type", "string"}}}};
}

}  // namespace ringfence::shell
