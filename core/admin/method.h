// A method of the admin API is one declaration: its name, who may call it, what it does, and what
// it takes and gives.
#pragma once

#include <string_view>

#include <boost/describe/class.hpp>

namespace ringfence::core::admin {

/// Nothing is the request or the answer of a method that has no facts to tell.
struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

/// Act is what a method does, hence what the audit log hears of it. One that changes something is
/// noted before it, and after it that it is done, or why not. One that begins a job is not done
/// when it answers: it is noted with the job, which tells of its own end.
enum class Act { look, change, begin };

/// Method is what both sides say when they mean one: the shell asks by it, ringfence-admin enters
/// its handler under it, and what is asked or answered otherwise does not compile.
template <typename RequestStruct, typename AnswerStruct>
struct Method {
  using Request = RequestStruct;
  using Answer = AnswerStruct;

  std::string_view name;  ///< "cert.plan"
  int level = 0;          ///< the least privilege level: 0, 1 or 4 (cucm-cli 1.8)
  Act act = Act::look;
};

}  // namespace ringfence::core::admin

/// RINGFENCE_METHOD declares method::family_verb, in namespace ringfence::core::admin. A header of
/// structs ends with the list of its methods, which this and the table of all methods read.
#define RINGFENCE_METHOD(family, verb, level, act, Request, Answer)                             \
  namespace method {                                                                            \
  inline constexpr Method<Request, Answer> family##_##verb{#family "." #verb, level, Act::act}; \
  }
