// Thousands of phones on one thread that enrol as cheaply as a real TLS client can.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include <openssl/ssl.h>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "core/crypto/handles.h"

namespace ringfence::bench {

/// CrowdPlan is what the phones of a Crowd do.
struct CrowdPlan {
  std::uint16_t port = 0;
  std::vector<std::string> names;
  std::vector<core::Bytes> keys;          ///< public keys made beforehand, one for each name
  int tls = TLS1_3_VERSION;               ///< the one version that they speak
  std::size_t at_once = 64;               ///< how many are connected at most
  double per_second = 0;                  ///< how many begin in a second at most; 0: no limit
  std::chrono::milliseconds key_time{0};  ///< how long each works on its key
};

/// CrowdResult counts; every phone ends in `stored` or in `failures`.
struct CrowdResult {
  std::size_t stored = 0;                       ///< END SESSION said that all is well
  std::size_t delayed = 0;                      ///< times that RETRY LATER was heard
  std::map<std::string, std::size_t> failures;  ///< by where it ended
  std::vector<double> handshakes;               ///< in seconds, from connect to the end of TLS's
  std::vector<double> answers;                  ///< in seconds, from a message to its answer
};

/// Crowd connects its phones to CAPF on loopback. They shake hands without looking at the
/// certificate, authenticate by null string, send a key, take the certificate and say that it is
/// stored; one that hears RETRY LATER comes back when told. Never throws for what a server does;
/// std::out_of_range for a phone that is to send a key and has none.
class Crowd {
 public:
  explicit Crowd(CrowdPlan plan);
  ~Crowd();  ///< hangs up
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// run goes on until all phones ended; false when `patience` was over before.
  bool run(std::chrono::seconds patience);

  /// wait_until_working goes on until `count` phones work on their key at the same time.
  bool wait_until_working(std::size_t count, std::chrono::seconds patience);

  const CrowdResult& result() const noexcept { return result_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Phone;

  struct Alarm {
    Clock::time_point at;
    std::size_t phone;

    bool operator<(const Alarm& other) const noexcept { return at > other.at; }
  };

  template <typename Done>
  bool turn(const Done& done, std::chrono::seconds patience);
  void begin_phones();
  void begin(std::size_t index);
  void go_on(std::size_t index);
  void take(Phone& phone);
  void say(Phone& phone, std::uint8_t command, const core::Bytes& body);
  void ring(std::size_t index);
  void fail(Phone& phone, const char* where);
  void leave(Phone& phone);

  const CrowdPlan plan_;
  core::Handle<SSL_CTX, SSL_CTX_free> context_;
  core::Fd epoll_;
  std::vector<std::unique_ptr<Phone>> phones_;
  std::deque<std::size_t> to_begin_;
  std::priority_queue<Alarm> alarms_;
  Clock::time_point next_begin_{};
  std::size_t connected_ = 0;
  std::size_t working_ = 0;
  std::size_t ended_ = 0;
  CrowdResult result_;
};

}  // namespace ringfence::bench
