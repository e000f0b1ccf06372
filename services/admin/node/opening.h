// Opening the house: what has to wait until the token can sign, done as soon as it can.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/admin/api.h"
#include "core/base/clock.h"
#include "core/certificates/certificate_store.h"
#include "core/crypto/token.h"
#include "core/storage/database.h"
#include "services/admin/node/service_control.h"

namespace ringfence::services::admin {

/// Opening makes the first certificates, publishes the ITL, starts the services and resumes jobs.
///
/// While the token is locked or away it starts what needs no key, and watches. When the token can
/// sign, for the first time or again, it does what is left and starts what is down, but never what
/// an administrator stopped. Safe from several threads.
class Opening {
 public:
  /// Work is what it does of the rooms above. A text says what was put right, "" nothing.
  struct Work {
    std::function<void()> make_certificates;  ///< of every unit that has none
    std::function<std::string()> publish;     ///< has the list of the certificates in force
    std::function<std::string()> refresh;     ///< the same before Cisco Tftp starts
    std::function<void()> resume_jobs;
  };

  /// All must outlive it. `admin` is admin.db.
  struct Parts {
    core::Database& admin;
    const core::Token& token;
    ServiceControl& services;
    const core::Clock& clock;
    Work work;
    /// How long begin waits for the signer's first worker to log in.
    std::chrono::milliseconds patience{20'000};
  };

  explicit Opening(Parts parts) : parts_(std::move(parts)), certificates_(parts_.admin) {}

  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  ~Opening();  ///< stops

  /// begin returns when everything runs, or when it has to wait for the token; then the watch goes
  /// on alone. Throws what keeps the house from opening for another reason.
  void begin();

  /// hurry makes the watch look now: after an unlock.
  void hurry();

  void stop();

  /// state is that of a service; one that is down for want of a key says that it waits for the
  /// token.
  core::admin::ServiceFacts state(const Service& service);

  /// warning is a sentence while the token is not operational, else "".
  std::string warning();

  /// notes says, a sentence each, which list files were put right since this start.
  std::vector<std::string> notes();

  /// outstanding names what waits for the token now, a sentence each.
  std::vector<std::string> outstanding();

 private:
  /// Which services start: all, or those that need no key.
  enum class Which { all, keyless };

  bool has_certificates();
  bool waits(const Service& service, const core::admin::ServiceFacts& facts);
  void open();
  void watch();
  void look();
  /// see asks the signer, and says whether it can sign.
  bool see(core::TokenStatus& status);
  void refresh_itl();
  void note(const std::string& put_right);
  void keep_stopped();
  void start_services(Which which);

  const Parts parts_;
  core::CertificateStore certificates_;
  std::atomic<bool> signs_ = false;                 ///< the token could when it was asked last
  std::atomic<bool> signer_answers_ = true;         ///< the signer did when it was asked last
  std::atomic<bool> open_ = false;                  ///< everything that waited has been done
  bool resumed_ = false;                            ///< begin, then the watch
  std::chrono::steady_clock::time_point try_at_{};  ///< the watch: not before, after a failure
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string warning_;             ///< guarded by mutex_
  std::vector<std::string> notes_;  ///< guarded by mutex_
  bool hurried_ = false;            ///< guarded by mutex_
  bool stopping_ = false;           ///< guarded by mutex_
  std::thread thread_;
};

}  // namespace ringfence::services::admin
