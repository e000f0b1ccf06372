#include "hsm/status.h"

#include "hsm/codec.h"
#include "hsm/wire.h"

namespace ringfence::hsm {

const char* name(PoolState state) noexcept {
  switch (state) {
    case PoolState::starting: return "starting";
    case PoolState::operational: return "operational";
    case PoolState::degraded: return "degraded";
    case PoolState::locked: return "locked";
  }
  return "starting";
}

namespace wire {
namespace {

void put(Out& out, const KeyStatus& key) {
  out.key(key.key.ref).spec(key.key.spec).text(key.since).u32(key.copies);
}

KeyStatus key_status(In& in) {
  KeyStatus key;
  key.key.ref = in.key();
  key.key.spec = in.spec();
  key.since = in.text(kMaxText, "since");
  key.copies = in.u32("copies");
  return key;
}

void put(Out& out, const WorkerStatus& worker) {
  out.u32(worker.pid).code(worker.ready).u32(worker.age_seconds).u64(worker.answered);
  out.u32(worker.in_hand);
}

WorkerStatus worker_status(In& in) {
  WorkerStatus worker;
  worker.pid = in.u32("pid");
  worker.ready = in.flag("ready");
  worker.age_seconds = in.u32("age");
  worker.answered = in.u64("answered");
  worker.in_hand = in.u32("in hand");
  return worker;
}

PoolState pool_state(In& in) {
  const std::uint8_t state = in.u8("state");
  if (state < 1 || state > static_cast<std::uint8_t>(PoolState::locked))
    throw Error(Kind::request, "state must be 1 to 4");
  return static_cast<PoolState>(state);
}

}  // namespace

Bytes encode_status(const Status& status) {
  Out out;
  out.code(status.state).text(status.reason).u64(status.degraded_since).u32(status.retry_after);
  out.text(status.module);
  out.token_facts(status.token);
  out.u16(status.keys.size());
  for (const KeyStatus& key : status.keys) put(out, key);
  out.u16(status.workers.size());
  for (const WorkerStatus& worker : status.workers) put(out, worker);
  out.u32(status.workers_wanted).u32(status.restarts).u32(status.queued).u32(status.queue_limit);
  out.u64(status.signed_total).u64(status.failed_total).u32(status.signatures_per_second_x100);
  out.u32(status.latency_p50_us).u32(status.latency_p99_us).u64(status.started);
  out.u16(status.signatures.size());
  for (const auto& [role, form, count] : status.signatures) out.text(role).text(form).u64(count);
  return out.take();
}

Status parse_status(BytesView payload) {
  In in(payload);
  Status status;
  status.state = pool_state(in);
  status.reason = in.text(kMaxText, "reason");
  status.degraded_since = in.u64("degraded since");
  status.retry_after = in.u32("retry");
  status.module = in.text(kMaxText, "module");
  status.token = in.token_facts();
  for (std::size_t left = in.u16("keys"); left > 0; --left) status.keys.push_back(key_status(in));
  for (std::size_t left = in.u16("workers"); left > 0; --left)
    status.workers.push_back(worker_status(in));
  status.workers_wanted = in.u32("workers wanted");
  status.restarts = in.u32("restarts");
  status.queued = in.u32("queued");
  status.queue_limit = in.u32("queue limit");
  status.signed_total = in.u64("signed");
  status.failed_total = in.u64("failed");
  status.signatures_per_second_x100 = in.u32("rate");
  status.latency_p50_us = in.u32("p50");
  status.latency_p99_us = in.u32("p99");
  status.started = in.u64("started");
  for (std::size_t left = in.u16("signatures"); left > 0; --left) {
    SignatureCount& one = status.signatures.emplace_back();
    one.role = in.text(kMaxText, "role");
    one.form = in.text(kMaxText, "form");
    one.count = in.u64("count");
  }
  in.end();
  return status;
}

}  // namespace wire
}  // namespace ringfence::hsm
