// show hsm, utils hsm: the token that holds every private key, and who signs with it.
#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/base/error.h"
#include "core/base/wipe.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/printable.h"
#include "shell/table.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

constexpr std::size_t kLabelColumns = 16;

/// kMostColumns is how wide sentences are also where there is more room.
constexpr std::size_t kMostColumns = 80;

/// state_row lays out one "Label : value" line, the value cut between words.
std::string state_row(const std::string& label, const std::string& value, std::size_t columns) {
  const std::string margin(kLabelColumns + 3, ' ');
  std::string text;
  std::string line = fmt::format("{:<{}} :", label, kLabelColumns);
  std::istringstream words(one_line(value));
  for (std::string word; words >> word;) {
    if (width(line) + 1 + width(word) > std::min(columns, kMostColumns) &&
        line.size() > margin.size()) {
      text += line + "\n";
      line = margin.substr(1);
    }
    line += " " + word;
  }
  return text + line + "\n";
}

std::string milliseconds(std::int64_t microseconds) {
  if (microseconds == 0) return "";  // nothing was signed lately
  return fmt::format("{:.2f} ms", static_cast<double>(microseconds) / 1000);
}

/// age writes seconds as h:mm:ss, with days before it.
std::string age(std::int64_t seconds) {
  const std::string clock =
      fmt::format("{}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
  return seconds < 86400 ? clock : counted(seconds / 86400, "day") + " " + clock;
}

std::int64_t ready_workers(const HsmShow& hsm) {
  return std::ranges::count_if(hsm.workers, [](const auto& one) { return one.state == "ready"; });
}

/// copies says how many of the workers that can sign do so with a copy of the key; a token that
/// allows no copies has all of them use its own object, which is slower.
std::string copies(const HsmKey& key, std::int64_t workers) {
  if (workers == 0) return "";
  if (key.copies == 0) return "token object";
  return fmt::format("{} of {}", key.copies, workers);
}

std::string state_line(const HsmShow& hsm) {
  return hsm.degraded_since ? hsm.state + " since " + *hsm.degraded_since : hsm.state;
}

/// What a sick token says of itself comes first.
std::string health_text(const HsmShow& hsm, std::size_t columns) {
  std::string text = state_row("State", state_line(hsm), columns);
  if (!hsm.reason.empty()) text += state_row("Reason", hsm.reason, columns);
  if (!hsm.next_step.empty()) text += state_row("Next step", hsm.next_step, columns);
  return text;
}

std::string slots_text(const HsmShow& hsm, std::size_t columns) {
  Table slots({"Slot", "In use", "Token", "Description"}, {"Description"});
  for (const HsmSlot& slot : hsm.slots)
    slots.add({std::to_string(slot.id), slot.used ? "yes" : "no", slot.token, slot.description});
  return slots.text(columns);
}

std::string keys_text(const HsmShow& hsm, std::size_t columns) {
  const std::int64_t workers = ready_workers(hsm);
  Table keys({"Key", "Version", "Type", "Since", "Copies in use"}, {"Since"});
  for (const HsmKey& key : hsm.keys)
    keys.add({key.label, std::to_string(key.version), fmt::format("{} {}", key.type, key.bits),
              key.since, copies(key, workers)});
  return keys.text(columns);
}

std::string workers_text(const HsmShow& hsm, std::size_t columns) {
  Table workers({"Worker", "State", "Age", "Answered", "In hand"}, {"Age"});
  for (const HsmWorker& worker : hsm.workers)
    workers.add({std::to_string(worker.pid), worker.state, age(worker.age_seconds),
                 std::to_string(worker.answered), std::to_string(worker.in_hand)});
  return workers.text(columns);
}

/// signatures_text says who had what signed: a role that signs what is not its own would show here.
std::string signatures_text(const HsmShow& hsm, std::size_t columns) {
  Table signatures({"Role", "Signed", "Signatures"});
  for (const HsmSignatures& one : hsm.signatures) {
    std::string form = one.form;
    std::ranges::replace(form, '_', ' ');
    signatures.add({one.role, form, std::to_string(one.count)});
  }
  return signatures.text(columns);
}

std::string pool_text(const HsmShow& hsm, std::size_t columns) {
  return labelled(
      {{"Workers ready   ", fmt::format("{} of {}", ready_workers(hsm), hsm.workers_wanted)},
       {"Workers replaced", std::to_string(hsm.restarts)},
       {"Queue", fmt::format("{} of {}", hsm.queued, hsm.queue_limit)},
       {"Signatures", fmt::format("{:.2f} per second", hsm.signatures_per_second)},
       {"Latency p50", milliseconds(hsm.latency_p50_us)},
       {"Latency p99", milliseconds(hsm.latency_p99_us)},
       {"Signed", fmt::format("{}, {} failed{}", hsm.signed_total, hsm.failed_total,
                              hsm.started ? ", since " + *hsm.started : "")}},
      columns);
}

std::string hsm_text(const HsmShow& hsm, std::size_t columns) {
  std::string text = health_text(hsm, columns);
  if (hsm.state == "unreachable") return text;
  for (const auto& [label, value] : {std::pair{"Module", hsm.module},
                                     {"Library", hsm.library},
                                     {"Token", hsm.token},
                                     {"Manufacturer", hsm.manufacturer},
                                     {"Model", hsm.model},
                                     {"Serial Number", hsm.serial},
                                     {"Hardware Version", hsm.hardware},
                                     {"Firmware Version", hsm.firmware}})
    if (!value.empty())
      text += state_row(label, value, columns);  // a locked token was not seen yet
  if (!hsm.slots.empty()) text += "\n" + slots_text(hsm, columns);
  if (!hsm.keys.empty()) text += "\n" + keys_text(hsm, columns);
  if (!hsm.workers.empty()) text += "\n" + workers_text(hsm, columns);
  if (!hsm.signatures.empty()) text += "\n" + signatures_text(hsm, columns);
  return text + "\n" + pool_text(hsm, columns);
}

Status show_hsm(Call& call) {
  const auto hsm = call.ask(method::hsm_show, Nothing{});
  call.answer(hsm, hsm_text(hsm, call.columns()));
  return hsm.state == "operational" ? Status::success : Status::failed;
}

/// Wiped takes a typed PIN out of this process when its use is over, however it ends.
struct Wiped {
  std::string& pin;

  ~Wiped() {
    core::wipe(pin);
    core::scrub_stack();
  }
};

/// The question comes before anything is asked of the daemon: in a script the line behind the
/// command is the PIN in any case, and is never run as a command.
Status unlock(Call& call) {
  constexpr std::size_t kMostPinBytes = 255;
  const Stream stream = call.session.output == Output::json ? Stream::error : Stream::output;
  auto typed =
      call.session.console.ask("Please enter the PIN of the token: ", Echo::hidden, stream);
  if (typed && typed->ends_with('\r')) typed->pop_back();  // a script with DOS line ends
  if (!typed || typed->empty()) throw core::Error(core::Code::malformed, "no PIN was entered");
  if (typed->size() > kMostPinBytes)
    throw core::Error(core::Code::malformed, "a PIN has at most 255 bytes");
  if (valid_utf8_bytes(*typed) != typed->size())
    throw core::Error(core::Code::malformed, "the PIN is not UTF-8 text");
  const Wiped wiped{*typed};
  const auto unlocked =
      call.ask(method::hsm_unlock, HsmUnlockRequest{*typed}, std::chrono::seconds(120));
  std::string text = "The token took the PIN. Its state is " + unlocked.state + ".\n";
  for (const std::string& sentence : unlocked.next) text += sentence + "\n";
  text += "See 'show hsm' and 'utils service list'.\n";
  call.answer(unlocked, text);
  return Status::success;
}

}  // namespace

std::vector<Command> hsm_commands() {
  std::vector<Command> commands;
  commands.push_back(
      {.words = "show hsm",
       .summary = "show the token that holds every private key, and the workers that sign with it",
       .help =
           "The exit status is 0 only when the state is operational. Signatures per second and\n"
           "latencies are those of the last 10 to 20 seconds; latency counts from a request's\n"
           "arrival to its answer.\n",
       .example = "show hsm\n",
       .run = show_hsm,
       .schema = schema_of<HsmShow>});
  commands.push_back(
      {.words = "utils hsm unlock",
       .level = 4,
       .summary = "type the PIN of a locked token",
       .help = "Where ringfence.toml says that the PIN is typed, the token is locked after each\n"
               "start, and nothing is signed until this. The PIN is asked for unseen; a script\n"
               "gives it as one line of standard input. It is kept in no file and no log, and a\n"
               "wrong one is never tried again: a token counts wrong PINs.\n",
       .example = "utils hsm unlock\nPlease enter the PIN of the token: \n",
       .run = unlock,
       .schema = schema_of<HsmUnlocked>});
  return commands;
}

}  // namespace ringfence::shell
