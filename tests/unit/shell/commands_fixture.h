// What tests of commands share: a job, a phone, and a regeneration as the daemon tells it.
#pragma once

#include <string>
#include <utility>

#include "tests/unit/shell/shell_fixture.h"

namespace ringfence::shell::test {

/// job is one of kind "regenerate" for 50 phones.
inline core::admin::JobReport job(std::int64_t revision, std::int64_t returned, std::string state,
                                  bool published) {
  core::admin::JobReport report;
  report.job = 3;
  report.revision = revision;
  report.kind = "regenerate";
  report.subject = "CAPF";
  report.who = "root";
  report.state = std::move(state);
  report.step = published ? "waiting for phones" : "making the key";
  report.published = published;
  report.started = "2026-11-21T10:00:00Z";
  report.total = 50;
  report.returned = returned;
  report.waiting = 50 - returned;
  return report;
}

/// phone is a registered one with an LSC.
inline core::admin::PhoneFacts phone(const std::string& name) {
  core::admin::PhoneFacts facts;
  facts.name = name;
  facts.model = "CP-8861";
  facts.description = "Front desk";
  facts.device_pool = "Default";
  facts.operation = "none";
  facts.auth_mode = "null-string";
  facts.key_order = "rsa-only";
  facts.rsa_bits = 2048;
  facts.ec_bits = 384;
  facts.operation_status = "Upgrade Success";
  facts.registered = true;
  facts.address = "192.0.2.7:5060";
  facts.itl = "accepted";
  facts.itl_evidence =
      "said in an alarm at 2026-11-21T10:00:00Z that it holds the list of "
      "2026-11-21T09:00:00Z";
  facts.itl_list_sha1 = "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8";
  facts.itl_address = "192.0.2.7";
  facts.lsc = "installed";
  facts.lsc_key = "RSA 2048";
  facts.lsc_serial = "0a0b";
  facts.lsc_issuer = "CN=CAPF-7f0ae8d7";
  facts.lsc_expires = "2031-11-20T10:00:00Z";
  return facts;
}

class CommandsTest : public ShellTest {
 protected:
  void record_regeneration() {
    admin->record("cert.plan", core::admin::RegeneratePlan{
                                   "CAPF", 50, 50, {"LSCs of the old certificate stay valid."}});
    admin->record("cert.regenerate", core::admin::JobStarted{3});
    admin->record("job.wait", job(1, 0, "running", false));
    admin->record("job.wait", job(2, 0, "running", true));
    for (int returned = 1; returned < 50; ++returned) {
      admin->record("job.wait", job(2 + returned, returned, "running", true));
    }
    admin->record("job.wait", job(60, 50, "done", true));
  }
};

}  // namespace ringfence::shell::test
