// The SIP side: what answers REGISTER and sends the NOTIFY that resets phones.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/trust_sign_log.h"
#include "services/callmanager/directory.h"
#include "services/callmanager/ledger.h"
#include "services/callmanager/protocol.h"
#include "services/callmanager/registrar.h"

namespace ringfence::services::callmanager {

/// Asked is the answer to a `reset` on the control socket.
struct Asked {
  std::size_t count = 0;             ///< devices that are being asked
  std::vector<std::string> unknown;  ///< not registered
};

/// Count tells how much is registered.
struct Count {
  std::size_t devices = 0;
  std::size_t contacts = 0;
  std::size_t silent = 0;             ///< of the devices: those that left a NOTIFY unanswered
  std::size_t connections = 0;        ///< over TCP
  std::size_t resets_waiting = 0;     ///< devices whose NOTIFY has not been sent
  std::size_t resets_unanswered = 0;  ///< NOTIFY without an answer yet
};

/// ServerOptions are where to listen: UDP and TCP on one port.
struct ServerOptions {
  std::string listen;  ///< IPv4 address
  std::uint16_t port = 5060;
  std::string advertise;  ///< the host in our From and Contact
  Lifetimes lifetimes{};
};

/// Server serves the SIP port on the thread that calls `run`; create, run and destroy it on that
/// thread.
///
/// The constructor binds and reads back earlier registrations. Throws Error{conflict} when the
/// port is taken. At most 200 NOTIFY are unanswered at a time; one without an answer for
/// ten seconds counts as 408.
class Server {
 public:
  /// All but `options` must outlive the server.
  Server(const ServerOptions& options, Directory& directory, Ledger& ledger,
         core::TrustSignLog& signs, const core::Clock& clock);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// run serves until `stop_descriptor` becomes readable.
  void run(int stop_descriptor);

  /// reset asks `devices` (doubles count once) to do `kind`; what each says goes to the ledger
  /// under `id`. Returns as soon as they wait in the queue. From any thread but the server's;
  /// throws Error{io} when the server ends meanwhile.
  Asked reset(std::int64_t id, ResetKind kind, std::vector<std::string> devices);

  /// count may be called from any thread but the server's.
  Count count();

 private:
  std::unique_ptr<class Engine> engine_;
};

}  // namespace ringfence::services::callmanager
