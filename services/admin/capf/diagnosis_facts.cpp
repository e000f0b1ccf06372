#include "services/admin/capf/diagnosis_facts.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "core/phones/device_name.h"
#include "core/trust/trust_list.h"
#include "services/admin/node/hsm.h"
#include "services/admin/node/service_health.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;

namespace {

constexpr time_t kPatienceSeconds = 3;
constexpr std::string_view kEveryAddress = "0.0.0.0";

std::string words_of(int error) {
  return std::generic_category().message(error);
}

/// shake_hands fills in what a TLS client meets on a connected socket.
void shake_hands(int socket, PortAnswer& answer) {
  const core::Handle<SSL_CTX, SSL_CTX_free> context(SSL_CTX_new(TLS_client_method()));
  const core::Handle<SSL, SSL_free> ssl(context ? SSL_new(context.get()) : nullptr);
  if (!ssl || SSL_set_fd(ssl.get(), socket) != 1) {
    answer.error = "no TLS on this machine";
  } else if (SSL_connect(ssl.get()) == 1) {
    answer.shook_hands = true;
    const core::X509Cert certificate(SSL_get1_peer_certificate(ssl.get()));
    if (certificate) answer.certificate = core::to_der(*certificate);
  } else {
    answer.error = errno == EAGAIN || errno == EWOULDBLOCK
                       ? fmt::format("no answer within {} s", kPatienceSeconds)
                       : "the connection was closed";
  }
  ERR_clear_error();
}

ServiceState state_of(const core::Config& config, Opening& opening, std::string_view daemon) {
  for (const Service& service : kServices) {
    if (service.daemon != daemon) continue;
    const core::admin::ServiceFacts facts = with_health(config, {opening.state(service)}).front();
    return {facts.name, facts.state, facts.reason};
  }
  return {std::string(daemon), "unknown", ""};
}

void look_at_capf(House& house, DiagnosisFacts& facts) {
  const auto own = house.certificates.own(core::Unit::capf);
  if (!own) return;
  const core::X509Cert certificate = core::parse_certificate(own->der);
  facts.capf_certificate = own->der;
  facts.capf_subject = core::subject_of(*certificate);
  facts.capf_until = core::not_after_of(*certificate);
}

void look_at_fetches(House& house, DiagnosisFacts& facts) {
  facts.trust = house.trust().of(facts.phone.name).judgement;
  core::Database* tftp = house.tftp_db();
  if (tftp == nullptr) return;
  const core::FetchStore fetches(*tftp);
  facts.config = fetches.last_config(facts.phone.name);
  facts.itl = fetches.last_itl(facts.phone.name);
  if (!facts.itl) return;
  if (const auto version = house.lists.find(core::ListKind::itl, facts.itl->sha1))
    facts.fetched = list_facts(*version, facts.capf_certificate);
}

void look_at_journal(House& house, DiagnosisFacts& facts) {
  core::Database* capf = house.capf_db();
  if (capf == nullptr) return;
  facts.state = core::CapfInventory(*capf).of(facts.phone.name);
  facts.events = core::EnrolmentStore(*capf).events(facts.phone.name);
}

void look_at_registration(House& house, DiagnosisFacts& facts) {
  core::Database* registrar = house.callmanager_db();
  if (registrar == nullptr) return;
  const Registered found = registered(core::RegistrationStore(*registrar).find(facts.phone.name),
                                      house.registrar(), facts.now);
  if (found.now) facts.registration = found.row;
}

}  // namespace

PortAnswer try_port(const std::string& address, std::uint16_t port) {
  PortAnswer answer;
  answer.address = fmt::format("{}:{}", address, port);
  const core::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{kPatienceSeconds, 0};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})  // the latter bounds the connect too
    ::setsockopt(socket.get(), SOL_SOCKET, option, &patience, sizeof patience);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) {
    answer.error = "no IPv4 address";
    return answer;
  }
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    answer.error = words_of(errno);
    return answer;
  }
  answer.connected = true;
  shake_hands(socket.get(), answer);
  return answer;
}

NameAnswer resolve(const std::string& name) {
  NameAnswer answer;
  answer.name = name;
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (status != 0) {
    answer.error = ::gai_strerror(status);
    return answer;
  }
  const core::Handle<addrinfo, ::freeaddrinfo> owner(found);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    sockaddr_in address{};
    std::memcpy(&address, one->ai_addr, sizeof address);
    std::array<char, INET_ADDRSTRLEN> text{};
    if (::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size()) != nullptr)
      answer.addresses.emplace_back(text.data());
  }
  return answer;
}

FetchedList list_facts(const core::ListVersion& version, core::BytesView capf) {
  FetchedList facts;
  facts.known = true;
  facts.reason = version.reason;
  try {
    for (const core::Record& record : core::parse_trust_list(version.file).records) {
      if (record.function != core::Role::capf) continue;
      facts.has_capf = true;
      facts.capf_subject = record.subject;
      facts.current_capf = facts.current_capf || (!capf.empty() && record.matches(capf));
    }
  } catch (const Error& error) {
    facts.problem = error.what();
  }
  return facts;
}

DiagnosisFacts gather(House& house, TrustKeeper& keeper, ServiceControl& services, Opening& opening,
                      const std::string& phone) {
  const std::optional<core::Phone> found = house.phones.find(core::device_name_from(phone));
  if (!found) throw Error(Code::not_found, "there is no phone '" + phone + "'");
  DiagnosisFacts facts;
  facts.now = house.clock.now();
  facts.phone = *found;
  facts.policy = core::CapfPolicyStore(house.database).load();
  if (!found->security_profile.empty())
    facts.profile = house.profiles.find(found->security_profile);
  look_at_capf(house, facts);
  look_at_fetches(house, facts);
  look_at_journal(house, facts);
  look_at_registration(house, facts);

  const core::admin::TrustListShow served = keeper.show(core::ListKind::itl);
  facts.served = {served.sha1, served.state, served.error};
  facts.capf = state_of(house.config, opening, "capf");
  facts.tftp = state_of(house.config, opening, "tftp");
  facts.tvs = state_of(house.config, opening, "tvs");
  if (const auto problem = token_problem(house.config, house.token, services))
    facts.token_problem = problem->what();
  const core::Config& config = house.config;
  facts.port = try_port(config.listen() == kEveryAddress ? "127.0.0.1" : config.listen(),
                        config.ports().capf);
  facts.advertised = config.advertise();
  facts.names.push_back(resolve(config.node().host));
  if (!config.domain().empty())
    facts.names.push_back(resolve(config.node().host + "." + config.domain()));
  return facts;
}

}  // namespace ringfence::services::admin
