#include "tests/bench/tftp_load.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "core/base/file.h"

namespace ringfence::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kPorts = 4;  // of a client, in turn: what comes late finds nobody
constexpr std::size_t kBatch = 64;
constexpr std::size_t kMaxPacketBytes = 2048;
constexpr auto kPatience = 1s;
constexpr int kBufferBytes = 1 << 20;
constexpr std::uint64_t kVainAsks = 10;  // of a client, before the server is taken for dead

core::Bytes request_of(const Wish& wish) {
  core::Writer writer;
  writer.u16(1).text(wish.file).u8(0).text("octet").u8(0);
  writer.text("blksize").u8(0).text(std::to_string(wish.block_bytes)).u8(0);
  if (wish.window > 0) writer.text("windowsize").u8(0).text(std::to_string(wish.window)).u8(0);
  return writer.take();
}

core::Fd open_port() {
  core::Fd port(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (port.get() < 0 || ::bind(port.get(), reinterpret_cast<sockaddr*>(&here), sizeof here) != 0)
    throw std::runtime_error("no socket for a client: see ulimit -n");
  ::setsockopt(port.get(), SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
  return port;
}

/// Inbox takes what has come to a socket, many at once.
class Inbox {
 public:
  Inbox() {
    for (std::size_t i = 0; i < kBatch; ++i) {
      parts_[i] = {bytes_[i].data(), bytes_[i].size()};
      msghdr& header = messages_[i].msg_hdr;
      header.msg_iov = &parts_[i];
      header.msg_iovlen = 1;
      header.msg_name = &from_[i];
    }
  }

  std::size_t receive(int port) {
    for (mmsghdr& message : messages_) message.msg_hdr.msg_namelen = sizeof(sockaddr_in);
    const int count = ::recvmmsg(port, messages_.data(), kBatch, MSG_DONTWAIT, nullptr);
    return static_cast<std::size_t>(std::max(count, 0));
  }

  core::BytesView packet(std::size_t i) const {
    return core::BytesView(bytes_[i]).first(messages_[i].msg_len);
  }

  const sockaddr_in& from(std::size_t i) const { return from_[i]; }

 private:
  std::array<std::array<std::uint8_t, kMaxPacketBytes>, kBatch> bytes_{};
  std::array<sockaddr_in, kBatch> from_{};
  std::array<iovec, kBatch> parts_{};
  std::array<mmsghdr, kBatch> messages_{};
};

/// Crowd is all clients.
class Crowd {
 public:
  Crowd(const sockaddr_in& server, const Wish& wish, std::size_t clients)
      : server_(server),
        wish_(wish),
        request_(request_of(wish)),
        events_(::epoll_create1(EPOLL_CLOEXEC)),
        clients_(clients) {
    for (std::size_t i = 0; i < clients; ++i) {
      for (std::size_t turn = 0; turn < kPorts; ++turn) {
        clients_[i].ports[turn] = open_port();
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = i << 8U | turn;
        ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, clients_[i].ports[turn].get(), &event);
      }
    }
  }

  Load run(std::chrono::duration<double> time) {
    const auto start = Clock::now();
    const auto end = start + std::chrono::duration_cast<Clock::duration>(time);
    for (Client& client : clients_) begin(client);
    auto look_again = start + kPatience;
    std::array<epoll_event, 256> ready{};
    while (running_ > 0) {
      const int count = ::epoll_wait(events_.get(), ready.data(), ready.size(), 100);
      const auto now = Clock::now();
      going_on_ = now < end;
      for (int i = 0; i < count; ++i) {
        const std::uint64_t which = ready[static_cast<std::size_t>(i)].data.u64;
        take(clients_[which >> 8U], which & 0xffU);
      }
      now_ = now;
      if (now < look_again) continue;
      look_again = now + 100ms;
      for (Client& client : clients_) remind(client);
    }
    load_.took = Clock::now() - start;
    return load_;
  }

 private:
  struct Client {
    std::array<core::Fd, kPorts> ports;
    std::size_t turn = 0;
    bool running = false;
    bool answered = false;
    sockaddr_in peer{};       // of the transfer, once answered
    std::uint64_t block = 0;  // the last that came in order; 0: the OACK
    std::size_t window = 1;
    std::size_t unacknowledged = 0;
    std::array<std::uint8_t, 4> sent{};  // the last acknowledgement
    Clock::time_point at;
  };

  void begin(Client& client) {
    client.turn = (client.turn + 1) % kPorts;
    client.answered = false;
    client.block = 0;
    client.window = 1;
    client.unacknowledged = 0;
    if (!client.running) ++running_;
    client.running = true;
    ask(client);
  }

  void ask(Client& client) {
    client.at = now_;
    ::sendto(client.ports[client.turn].get(), request_.data(), request_.size(), 0,
             reinterpret_cast<const sockaddr*>(&server_), sizeof server_);
  }

  void acknowledge(Client& client) {
    client.sent = {0, 4, static_cast<std::uint8_t>(client.block >> 8U),
                   static_cast<std::uint8_t>(client.block)};
    client.unacknowledged = 0;
    send_again(client);
  }

  void send_again(Client& client) {
    client.at = now_;
    ::sendto(client.ports[client.turn].get(), client.sent.data(), client.sent.size(), 0,
             reinterpret_cast<const sockaddr*>(&client.peer), sizeof client.peer);
  }

  void remind(Client& client) {
    if (!client.running || now_ - client.at < kPatience) return;
    if (++load_.resends > kVainAsks * clients_.size() && load_.transfers == 0)
      throw std::runtime_error("the server does not answer");
    if (client.answered)
      send_again(client);
    else
      ask(client);
  }

  void take(Client& client, std::size_t turn) {
    const std::size_t count = inbox_.receive(client.ports[turn].get());
    if (turn != client.turn || !client.running) return;
    for (std::size_t i = 0; i < count && client.running && turn == client.turn; ++i)
      take(client, inbox_.packet(i), inbox_.from(i));
  }

  void take(Client& client, core::BytesView packet, const sockaddr_in& from) {
    if (packet.size() < 4) return;
    if (client.answered && from.sin_port != client.peer.sin_port) return;
    switch (packet[1]) {
      case 6: options(client, packet, from); return;
      case 3: data(client, packet, from); return;
      default: end(client, Ending::failed); return;
    }
  }

  void options(Client& client, core::BytesView packet, const sockaddr_in& from) {
    if (client.answered) {
      ++load_.repeats;
      return;
    }
    client.answered = true;
    client.peer = from;
    const std::string text = core::text_of(packet);
    if (text.find("blksize") == std::string::npos) return end(client, Ending::failed);
    const auto at = text.find("windowsize");
    if (at != std::string::npos)
      client.window = static_cast<std::size_t>(std::atoi(text.c_str() + at + 11));
    acknowledge(client);
  }

  void data(Client& client, core::BytesView packet, const sockaddr_in& from) {
    client.answered = true;
    client.peer = from;
    const auto number = static_cast<std::uint16_t>(packet[2] << 8U | packet[3]);
    if (number != static_cast<std::uint16_t>(client.block + 1)) {
      ++load_.repeats;
      return;
    }
    const std::size_t start = client.block * wish_.block_bytes;
    const core::BytesView content = packet.subspan(4);
    if (content.size() > wish_.block_bytes || start + content.size() > wish_.expected.size() ||
        std::memcmp(content.data(), wish_.expected.data() + start, content.size()) != 0)
      return end(client, Ending::failed);
    ++client.block;
    ++client.unacknowledged;
    const bool last = content.size() < wish_.block_bytes;
    if (last || client.unacknowledged >= client.window) acknowledge(client);
    if (!last) return;
    end(client, start + content.size() == wish_.expected.size() ? Ending::whole : Ending::failed);
  }

  enum class Ending { whole, failed };

  void end(Client& client, Ending ending) {
    if (ending == Ending::whole)
      ++load_.transfers;
    else
      ++load_.failures;
    if (going_on_) return begin(client);
    client.running = false;
    --running_;
  }

  const sockaddr_in server_;
  const Wish& wish_;
  const core::Bytes request_;
  const core::Fd events_;
  std::vector<Client> clients_;
  Inbox inbox_;
  Load load_;
  std::size_t running_ = 0;
  bool going_on_ = true;
  Clock::time_point now_ = Clock::now();
};

}  // namespace

Load load(const sockaddr_in& server, const Wish& wish, std::size_t clients,
          std::chrono::duration<double> time) {
  return Crowd(server, wish, clients).run(time);
}

}  // namespace ringfence::bench
