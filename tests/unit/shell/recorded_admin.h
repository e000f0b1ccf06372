// An Admin that answers from a recording, and a Console that records what it was told.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/admin/json.h"
#include "core/base/error.h"
#include "shell/admin.h"
#include "shell/console.h"
#include "shell/paste.h"

namespace ringfence::shell::test {

/// RecordedAdmin gives the answers recorded for a method in their order, the last one for ever.
class RecordedAdmin final : public Admin {
 public:
  template <typename Answer>
  void record(const std::string& method, const Answer& answer) {
    answers_[method].push_back({core::admin::to_json(answer), std::nullopt});
  }

  void record(const std::string& method, const core::Error& error) {
    answers_[method].push_back({{}, error});
  }

  boost::json::object call(std::string_view method, const boost::json::object& request,
                           std::chrono::seconds) override {
    const std::lock_guard lock(mutex_);
    requests_.emplace_back(method, request);
    auto& answers = answers_[std::string(method)];
    if (answers.empty()) {
      throw core::Error(core::Code::not_found, "no answer is recorded for " + std::string(method));
    }
    const Answer answer = answers.front();
    if (answers.size() > 1) answers.pop_front();
    if (answer.error) throw core::Error(*answer.error);
    return answer.document;
  }

  /// asked returns the methods in the order they were called.
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> methods;
    for (const auto& [method, request] : requests_) methods.push_back(method);
    return methods;
  }

  boost::json::object last_request() const {
    const std::lock_guard lock(mutex_);
    return requests_.back().second;
  }

 private:
  struct Answer {
    boost::json::object document;
    std::optional<core::Error> error;
  };

  mutable std::mutex mutex_;
  std::map<std::string, std::deque<Answer>> answers_;
  std::vector<std::pair<std::string, boost::json::object>> requests_;
};

/// TypedLines are lines that are to be typed, as a paste.
class TypedLines final : public PasteSource {
 public:
  explicit TypedLines(std::deque<std::string>& lines) : lines_(lines) {}

  std::optional<std::string> next() override {
    if (lines_.empty()) return std::nullopt;
    std::string line = lines_.front();
    lines_.pop_front();
    return line;
  }

  std::string_view ahead() override {
    ahead_.clear();
    for (const std::string& line : lines_) ahead_ += line + "\n";
    return ahead_;
  }

  std::string_view ahead_line() override { return ahead(); }

 private:
  std::deque<std::string>& lines_;
  std::string ahead_;
};

/// RecordingConsole keeps everything printed, and types what it was given.
class RecordingConsole final : public Console {
 public:
  void begin(Paging paging) override { last_paging = paging; }

  void print(std::string_view text) override { output += text; }

  void write(Stream stream, std::string_view text) override {
    (stream == Stream::output ? output : errors) += text;
  }

  void progress(std::string_view line) override { bars.emplace_back(line); }

  std::optional<std::string> ask(std::string_view question, Echo echo, Stream stream) override {
    write(stream, question);
    if (typed.empty()) return std::nullopt;
    const std::string answer = typed.front();
    typed.pop_front();
    write(stream, (echo == Echo::visible ? answer : "") + "\n");
    return answer;
  }

  std::optional<std::string> next_line(std::size_t) override {
    if (typed.empty()) return std::nullopt;
    std::string line = typed.front();
    typed.pop_front();
    return line;
  }

  /// paste takes the lines that were to be typed; an empty one ends them.
  Paste paste(std::string_view prompt, Stream stream, std::size_t max_bytes) override {
    write(stream, prompt);
    if (interrupt) return {"", Paste::End::interrupted};
    TypedLines lines(typed);
    return read_paste(lines, Manner::script, max_bytes);
  }

  std::string read_input(std::size_t) override { return std::exchange(input, {}); }

  bool interrupted() override { return interrupt; }

  void pause(std::chrono::milliseconds) override { ++pauses; }

  bool interactive() const override { return terminal; }

  bool errors_apart() const override { return apart; }

  std::size_t columns() const override { return width; }

  std::string output;
  std::string errors;
  std::string input;
  std::deque<std::string> typed;
  std::vector<std::string> bars;
  Paging last_paging = Paging::off;
  int pauses = 0;
  bool interrupt = false;
  bool terminal = false;
  bool apart = true;
  std::size_t width = 80;
};

}  // namespace ringfence::shell::test
