// Warnings and notes: what an administrator should know beside an answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

namespace ringfence::shell {

/// Remarks are one sentence each, without "WARNING: " or "NOTE: ". They reach a person in the text,
/// and a script in the members "warnings" and "notes" of the JSON document.
struct Remarks {
  std::vector<std::string> warnings;
  std::vector<std::string> notes;

  /// add takes those of `more` that are not here yet, and returns these.
  Remarks add(const Remarks& more);

  /// text is a line "WARNING: …" or "NOTE: …" for each.
  std::string text() const;

  bool empty() const noexcept { return warnings.empty() && notes.empty(); }
};

/// remarks_in reads them out of a text for people: a remark begins a line with "WARNING: " or
/// "NOTE: " and goes on to the next one or to an empty line.
Remarks remarks_in(std::string_view text);

/// remarks_of reads the members "warnings" and "notes" of an answer, as far as they are lists of
/// text.
Remarks remarks_of(const boost::json::object& document);

/// put_remarks puts all of `remarks` into these members, behind what stands there.
void put_remarks(boost::json::object& document, const Remarks& remarks);

/// describe_remarks adds the two members to the schema of a document.
void describe_remarks(boost::json::object& schema);

}  // namespace ringfence::shell
