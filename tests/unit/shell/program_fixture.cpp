#include "tests/unit/shell/program_fixture.h"

#include <sys/wait.h>

#include <cstdio>

#include "core/admin/api.h"
#include "core/admin/csr_api.h"
#include "core/admin/json.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/file.h"

namespace ringfence::shell::test {

using namespace core::admin;

boost::json::value answer_program(const std::shared_future<void>& gate, std::string_view method,
                                  const boost::json::object& request) {
  if (method == "job.wait") {
    JobReport report;
    report.job = 3;
    report.revision = 5;
    report.state = "running";
    report.published = true;
    report.total = 50;
    report.returned = 20;
    if (request.at("seen").as_int64() == 5) gate.wait();
    return to_json(report);
  }
  if (method == "session.hello")
    return to_json(Hello{"root", 4, "ringfence1", "0.1.0", 2, 4096, {"the token is locked"}});
  if (method == "system.version") return to_json(SystemVersion{"0.1.0", {}});
  if (method == "cert.plan") return to_json(RegeneratePlan{"CAPF", 50, 50, {}});
  if (method == "itl.show") {
    TrustListShow show;
    show.state = "verified";
    for (int i = 1; i <= 200; ++i) show.text += "line " + std::to_string(i) + "\n";
    return to_json(show);
  }
  if (method == "cert.import_plan")
    return to_json(CertificateImportPlan{"CAPF", "CN=a", "1", "", {}, 0, 0, {}, "PEM"});
  if (method == "cert.import_trust") {
    // What was pasted, as the shell sent it, comes back as the certificate's name.
    std::string name;
    for (const char c : request.at("pem").as_string()) name += c == '\n' ? '|' : c;
    return to_json(TrustImported{{{"CAPF-trust", "x.pem", name, "added"}}, {name}, "PEM"});
  }
  if (method == "hsm.unlock") {
    if (request.at("pin").as_string() == "right 4711")
      return to_json(HsmUnlocked{"operational", {}});
    throw core::Error(core::Code::hsm_locked, "C_Login: CKR_PIN_INCORRECT (0xa0)");
  }
  throw core::Error(core::Code::not_found, "no such thing here");
}

Ran ProgramTest::run(const std::string& command) {
  const std::string all =
      "RF='" RINGFENCE_BIN_DIR "/ringfence --socket " + socket_.string() + "'; " + command;
  FILE* pipe =
      ::popen(("bash -c \"$(cat <<'END_OF_TEST'\n" + all + "\nEND_OF_TEST\n)\"").c_str(), "r");
  Ran ran;
  char chunk[4096];
  std::size_t count = 0;
  while ((count = std::fread(chunk, 1, sizeof chunk, pipe)) > 0) ran.output.append(chunk, count);
  const int status = ::pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

Ran ProgramTest::dialogue(const std::string& script) {
  const auto file = folder_ / "script.exp";
  core::write_atomically(
      file, core::bytes_of("set timeout 20\nset stty_init \"rows 24 columns 80\"\n"
                           "proc need {pattern} { expect -re $pattern {} timeout { puts "
                           "\"MISSING $pattern\"; exit 9 } eof { puts \"ENDED before $pattern\"; "
                           "exit 8 } }\n"
                           "spawn env TERM=xterm " RINGFENCE_BIN_DIR "/ringfence --socket " +
                           socket_.string() + "\n" + script));
  return run("expect " + file.string() + " 2>&1");
}

}  // namespace ringfence::shell::test
