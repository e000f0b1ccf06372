#include "hsm/signer/worker_wire.h"

#include <algorithm>
#include <limits>

#include "hsm/codec.h"

namespace ringfence::hsm::worker_wire {
namespace {

using wire::In;
using wire::Out;

enum class Report : std::uint8_t { hello = 1, end = 2, learned = 3 };

void put(Out& out, const KeyFacts& key) {
  out.key(key.info.ref).spec(key.info.spec).text(key.since).code(key.copied).bytes(key.spki);
}

KeyFacts key_facts(In& in) {
  KeyFacts key;
  key.info.ref = in.key();
  key.info.spec = in.spec();
  key.since = in.text(wire::kMaxText, "since");
  key.copied = in.flag("copied");
  const BytesView spki = in.bytes(wire::kMaxBytes, "public key");
  key.spki.assign(spki.begin(), spki.end());
  return key;
}

Out report(Report report) {
  Out out;
  out.u32(0).u32(0).code(report);
  return out;
}

Said parse_report(In& in) {
  switch (static_cast<Report>(in.u8("report"))) {
    case Report::hello: {
      Hello hello;
      hello.token = in.token_facts();
      for (std::size_t left = in.u16("keys"); left > 0; --left) hello.keys.push_back(key_facts(in));
      in.end();
      return hello;
    }
    case Report::end: {
      const wire::Outcome outcome = wire::parse_outcome(in.rest());
      if (const Error* error = std::get_if<Error>(&outcome)) return End{*error};
      break;
    }
    case Report::learned: {
      Learned learned{in.key(), in.flag("copied")};
      in.end();
      return learned;
    }
  }
  throw Error(Kind::request, "the worker's report is none that we know");
}

}  // namespace

Bytes encode(Notice notice, const KeyRef& key) {
  return Out().u32(0).code(notice).key(key).take();
}

Bytes encode(const Hello& hello) {
  Out out = report(Report::hello);
  out.token_facts(hello.token).u16(hello.keys.size());
  for (const KeyFacts& key : hello.keys) put(out, key);
  return out.take();
}

Bytes encode(const End& end) {
  return report(Report::end).raw(wire::encode(wire::Outcome(end.reason))).take();
}

Bytes encode(const Learned& learned) {
  return report(Report::learned).key(learned.key).code(learned.copied).take();
}

Bytes encode_result(std::chrono::nanoseconds took, const wire::Answer& answer) {
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  const std::int64_t bounded = std::clamp<std::int64_t>(took.count(), 0, kMost);
  return Out().u32(static_cast<std::uint64_t>(bounded)).raw(wire::encode(answer)).take();
}

Bytes encode_key(const KeyFacts& key) {
  Out out;
  put(out, key);
  return out.take();
}

Noticed parse_notice(BytesView body) {
  In in(body);
  in.u32("id");
  const std::uint8_t notice = in.u8("notice");
  if (notice < 1 || notice > 2) throw Error(Kind::request, "notice must be 1 or 2");
  const KeyRef key = in.key();
  in.end();
  return {static_cast<Notice>(notice), key};
}

Said parse_said(BytesView body) {
  In in(body);
  const std::chrono::nanoseconds took(in.u32("time"));
  const std::uint32_t id = in.u32("answer id");
  if (id == 0) return parse_report(in);
  return Result{took, id, in.rest()};
}

KeyFacts parse_key(BytesView payload) {
  In in(payload);
  KeyFacts key = key_facts(in);
  in.end();
  return key;
}

}  // namespace ringfence::hsm::worker_wire
