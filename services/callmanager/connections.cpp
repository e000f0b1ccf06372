#include "services/callmanager/connections.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <optional>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/net/daemon.h"
#include "core/net/socket_buffers.h"
#include "services/callmanager/sip.h"

namespace ringfence::services::callmanager {

namespace asio = core::asio;
using core::tcp;
using std::chrono::seconds;

namespace {

constexpr seconds kFirstMessage{15};
constexpr seconds kHalfMessage{20};
constexpr seconds kStranger{60};
constexpr std::chrono::milliseconds kAcceptAgain{100};
constexpr std::size_t kStrangersAnAddress = 256;
constexpr seconds kStuck{10};
constexpr std::size_t kLongestBacklog = 64 * 1024;
constexpr std::string_view kEmptyLine = "\r\n";

bool same_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char c, char l) {
    return (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c) == l;
  });
}

/// body_length returns the Content-Length of a message's head, 0 when it has none (RFC 3261
/// section 20.14); nothing when it cannot be.
std::optional<std::size_t> body_length(std::string_view head) {
  for (std::size_t start = head.find(kEmptyLine); start != std::string_view::npos;
       start = head.find(kEmptyLine, start + 2)) {
    std::string_view line = head.substr(start + 2);
    line = line.substr(0, line.find(kEmptyLine));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view name = line.substr(0, colon);
    while (name.ends_with(' ') || name.ends_with('\t')) name.remove_suffix(1);
    if (!same_ignoring_case(name, "content-length") && !same_ignoring_case(name, "l")) continue;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (error != std::errc() || length > kLongestMessage) return std::nullopt;
    return length;
  }
  return 0;
}

/// begins_as_sip tells whether the first line of a head can be one of SIP's.
bool begins_as_sip(std::string_view head) {
  return head.substr(0, head.find(kEmptyLine)).find("SIP/2.0") != std::string_view::npos;
}

}  // namespace

struct Wire::Connections::Connection {
  Connection(tcp::socket connected, Flow number) : socket(std::move(connected)), flow(number) {}

  tcp::socket socket;
  Flow flow;
  Way way;
  std::string own_address;
  std::string in;
  std::array<char, 4096> buffer{};
  std::deque<std::string> out;
  std::size_t waiting = 0;                   ///< bytes of `out`
  Steady::time_point progress;               ///< when the first of `out` began to wait
  Steady::time_point heard = Steady::now();  ///< its last whole message, or its beginning
  std::optional<Steady::time_point> half;    ///< since when a message is incomplete
  bool waits = false;                        ///< a message of it has its turn later
  bool spoke = false;                        ///< a whole message has come
  bool stranger = true;
};

Wire::Connections::Connections(asio::io_context& io, const std::string& listen, std::uint16_t port,
                               WireUser& user)
    : io_(io), user_(user), acceptor_(io), again_(io) {
  const tcp::endpoint endpoint(asio::ip::make_address(listen), port);
  boost::system::error_code error;
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(asio::socket_base::reuse_address(true));
  acceptor_.bind(endpoint, error);
  core::bound_buffers(acceptor_);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    throw core::Error(
        core::Code::conflict,
        fmt::format("cannot listen for SIP on tcp {}:{}, is it in use?", listen, port));
  accept();
}

Wire::Connections::~Connections() = default;

void Wire::Connections::accept() {
  acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      take(std::move(socket));
      return accept();
    }
    // Out of descriptors, or the peer has gone already: the kernel keeps the others meanwhile.
    if (strangers_ > 0) end(idlest_of(greediest(&Share::strangers)));
    again_.expires_after(kAcceptAgain);
    again_.async_wait([this](const boost::system::error_code& stopped) {
      if (!stopped) accept();
    });
  });
}

void Wire::Connections::take(tcp::socket socket) {
  boost::system::error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return;
  const tcp::endpoint local = socket.local_endpoint(error);
  if (error) return;
  make_room(peer.address());
  const auto connection = std::make_shared<Connection>(std::move(socket), ++last_);
  connection->way = {core::udp::endpoint(peer.address(), peer.port()), connection->flow, 0};
  connection->own_address = fmt::format("{}:{}", local.address().to_string(), local.port());
  connection->socket.set_option(tcp::no_delay(true), error);
  all_.emplace(connection->flow, connection);
  Share& share = by_address_[peer.address()];
  share.all.insert(connection->flow);
  share.strangers.insert(connection->flow);
  ++strangers_;
  core::bound_buffers(connection->socket, {share.all.size(), all_.size()});
  read(connection);
}

Flow Wire::Connections::idlest(const Flows& flows) const {
  const auto found = std::min_element(flows.begin(), flows.end(), [this](Flow left, Flow right) {
    return all_.at(left)->heard < all_.at(right)->heard;
  });
  return found == flows.end() ? 0 : *found;
}

Flow Wire::Connections::idlest_of(const Share& share) const {
  return idlest(share.strangers.empty() ? share.all : share.strangers);
}

const Wire::Connections::Share& Wire::Connections::greediest(Flows Share::*part) const {
  return std::max_element(by_address_.begin(), by_address_.end(),
                          [part](const auto& left, const auto& right) {
                            return (left.second.*part).size() < (right.second.*part).size();
                          })
      ->second;
}

// The limit of descriptors may change while we run.
void Wire::Connections::make_room(const asio::ip::address& newcomer) {
  const std::size_t descriptors = core::file_limit();
  if (const auto own = by_address_.find(newcomer); own != by_address_.end()) {
    if (own->second.all.size() >= descriptors / 4)
      end(idlest_of(own->second));
    else if (own->second.strangers.size() >= kStrangersAnAddress)
      end(idlest(own->second.strangers));
  }
  while (strangers_ > 0 && strangers_ >= descriptors / 4)
    end(idlest(greediest(&Share::strangers).strangers));
  while (!all_.empty() && all_.size() >= descriptors / 4 * 3)
    end(idlest_of(greediest(&Share::all)));
}

void Wire::Connections::judge(Connection& connection) {
  const bool stranger = !user_.registered(connection.flow);
  if (stranger == connection.stranger) return;
  connection.stranger = stranger;
  Flows& strangers = by_address_.at(connection.way.peer.address()).strangers;
  if (stranger) {
    strangers.insert(connection.flow);
    ++strangers_;
  } else {
    strangers.erase(connection.flow);
    --strangers_;
  }
}

void Wire::Connections::read(const std::shared_ptr<Connection>& connection) {
  connection->socket.async_read_some(
      asio::buffer(connection->buffer),
      [this, connection](const boost::system::error_code& error, std::size_t size) {
        if (!all_.contains(connection->flow)) return;
        if (error) return end(connection->flow);
        connection->in.append(connection->buffer.data(), size);
        bring(connection);
      });
}

void Wire::Connections::bring(const std::shared_ptr<Connection>& connection) {
  if (!cut(connection)) return end(connection->flow);
  if (all_.contains(connection->flow) && !connection->waits) read(connection);
}

void Wire::Connections::go_on(Flow flow) {
  const auto found = all_.find(flow);
  if (found == all_.end() || !found->second->waits) return;
  const auto connection = found->second;
  connection->waits = false;
  connection->heard = Steady::now();
  judge(*connection);
  bring(connection);
}

bool Wire::Connections::cut(const std::shared_ptr<Connection>& connection) {
  std::string& in = connection->in;
  for (;;) {
    // An empty line is skipped, two are a ping (RFC 5626 section 4.4.1).
    while (in.starts_with("\r\n\r\n")) {
      in.erase(0, 4);
      send(connection->flow, std::string(kEmptyLine));
    }
    if (in.starts_with(kEmptyLine) && in.size() > 2 && in[2] != '\r') in.erase(0, 2);
    const std::size_t head = in.find("\r\n\r\n");
    std::size_t size = 0;
    if (head != std::string::npos) {
      const auto body = body_length(std::string_view(in).substr(0, head + 2));
      if (!body || !begins_as_sip(in)) {
        user_.unreadable(connection->way, "not SIP");
        return false;
      }
      size = head + 4 + *body;
    }
    if (in.size() > kLongestMessage || size > kLongestMessage) {
      user_.unreadable(connection->way, "longer than 16 KiB");
      return false;
    }
    if (size == 0 || in.size() < size) break;
    const std::string message = in.substr(0, size);
    in.erase(0, size);
    connection->heard = Steady::now();
    connection->half.reset();
    connection->spoke = true;
    connection->waits = user_.take(message, connection->way) == Taken::waiting;
    if (connection->waits || !all_.contains(connection->flow)) return true;
    judge(*connection);
  }
  if (in.find_first_not_of(kEmptyLine) == std::string::npos)
    connection->half.reset();
  else if (!connection->half)
    connection->half = Steady::now();
  return true;
}

void Wire::Connections::send(Flow flow, std::string text) {
  const auto found = all_.find(flow);
  if (found == all_.end()) return;
  const auto connection = found->second;
  if (connection->waiting + text.size() > kLongestBacklog) {  // it does not read
    boost::system::error_code ignored;
    connection->socket.shutdown(tcp::socket::shutdown_both, ignored);
    return;
  }
  connection->waiting += text.size();
  connection->out.push_back(std::move(text));
  if (connection->out.size() == 1) write(connection);
}

void Wire::Connections::write(const std::shared_ptr<Connection>& connection) {
  connection->progress = Steady::now();
  asio::async_write(connection->socket, asio::buffer(connection->out.front()),
                    [this, connection](const boost::system::error_code& error, std::size_t) {
                      if (error) return;  // the reader notices
                      connection->waiting -= connection->out.front().size();
                      connection->out.pop_front();
                      if (!connection->out.empty()) write(connection);
                    });
}

void Wire::Connections::end(Flow flow) {
  const auto found = all_.find(flow);
  if (found == all_.end()) return;
  const auto connection = found->second;
  all_.erase(found);
  const auto share = by_address_.find(connection->way.peer.address());
  share->second.all.erase(flow);
  strangers_ -= share->second.strangers.erase(flow);
  if (share->second.all.empty()) by_address_.erase(share);
  boost::system::error_code ignored;
  connection->socket.close(ignored);
  user_.ended(flow, connection->way);
}

std::string Wire::Connections::own_address(Flow flow) const {
  const auto found = all_.find(flow);
  return found == all_.end() ? std::string() : found->second->own_address;
}

void Wire::Connections::tick() {
  const Steady::time_point now = Steady::now();
  std::vector<Flow> over;
  for (const auto& [flow, connection] : all_) {
    judge(*connection);
    const bool slow = connection->half && now - *connection->half > kHalfMessage;
    const seconds patience = connection->spoke ? kStranger : kFirstMessage;
    const bool silent = connection->stranger && now - connection->heard > patience;
    const bool stuck = connection->waiting > 0 && now - connection->progress > kStuck;
    if (slow || silent || stuck) over.push_back(flow);
  }
  for (const Flow flow : over) end(flow);
}

}  // namespace ringfence::services::callmanager
