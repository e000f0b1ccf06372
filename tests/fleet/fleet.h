// A fleet of simulated phones in this process: what tests start, watch and stop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfence::fleet {

/// Scenario says how far a phone goes: boot fetches and verifies; enrol also goes to CAPF where the
/// configuration asks, and registers; stay is enrol, then refreshing and obeying NOTIFY until stop.
enum class Scenario { boot, enrol, stay };

/// Transport is where files are asked for first; http falls back to TFTP when nobody listens.
enum class Transport { tftp, http };

/// SipTransport is how phones speak SIP: udp_79xx sends from a throw-away port and listens at the
/// one that Via and Contact name, without rport; configured is what the phone's configuration says.
enum class SipTransport { udp, tcp, udp_79xx, configured };

/// Options of a whole fleet. Only `names` must be given.
struct Options {
  std::vector<std::string> names;     ///< device names, "SEP001100000001"; see count_names
  std::string server = "127.0.0.1";   ///< IP address of the node
  std::uint16_t port_offset = 10000;  ///< added to 69 and 6970; the configuration tells the others
  Scenario scenario = Scenario::stay;
  std::optional<Transport> transport;  ///< unset: SEP and ATA phones TFTP, Jabber HTTP
  SipTransport sip = SipTransport::udp;
  bool alarm = true;  ///< SEP phones tell their ITL's hash when they register, as release 14 does
  std::size_t concurrency = 64;  ///< phones that boot at the same time
  unsigned threads = 1;
  std::size_t key_pool = 8;  ///< above 0: RSA keys of few primes; 0: each made alone
  std::map<std::string, std::string> auth_strings;    ///< what a user would type, by device name
  std::chrono::milliseconds retry_after{1000};        ///< after a failed boot, doubling up to 30 s
  std::chrono::milliseconds capf_retry_after{30000};  ///< after CAPF failed to talk; three times
  std::filesystem::path state_file;  ///< trust, LSC and key of each phone between runs, or empty
  std::filesystem::path lsc_dir;     ///< each LSC is written here as <name>.pem, or empty
  std::filesystem::path mic_ca;      ///< see Maker; empty: a manufacturer for this run alone
};

/// State is what a phone is doing.
enum class State { waiting, booting, enrolling, registering, booted, registered, failed };

/// word returns the enumerator's spelling.
std::string_view word(State state) noexcept;

/// PhoneReport is what one phone says about itself.
struct PhoneReport {
  std::string name;
  State state = State::waiting;
  bool registered = false;
  std::string itl_sha1;      ///< of the list it holds, hex; empty without one
  std::string itl_signer;    ///< subject of that list's signer
  std::string itl_status;    ///< the phone's words: "Trust List updated" … (cucm-behaviour 3.2)
  std::string config_stamp;  ///< versionStamp of the configuration in use, without braces
  std::string call_id;       ///< of its registration
  std::string lsc_status;    ///< "", "LSC: Installed", "LSC: Deleted", "LSC: Failed", …
  std::string lsc_serial;    ///< hex
  std::string lsc_issuer;    ///< "CN=CAPF-…;OU=…"
  std::string lsc_pem;
  unsigned boots = 0;       ///< also those that failed
  unsigned resets = 0;      ///< NOTIFYs obeyed: reset, restart and apply-config
  unsigned enrolments = 0;  ///< certificates that CAPF gave and the phone kept
  unsigned tvs_queries = 0;
  std::string last_error;  ///< of the boot under way or the last one; empty when all went well

  /// succeeded tells whether the phone came to its scenario's end and nothing went wrong on the
  /// way.
  bool succeeded() const noexcept;
};

/// Report is the whole fleet at one moment.
struct Report {
  std::vector<PhoneReport> phones;  ///< in the order of Options::names

  /// phone finds by name; throws core::Error{not_found}.
  const PhoneReport& phone(std::string_view name) const;
  std::size_t count(State state) const;
  std::size_t registered() const;
  std::size_t succeeded() const;
};

/// to_json returns one document: {"phones": n, "succeeded": n, "registered": n,
/// "states": {"registered": n, …}, "fleet": [{name, state, registered, itl_sha1, …}]}.
std::string to_json(const Report& report);

/// count_names returns `count` names "SEP" + 12 digits, from `first_mac` on.
/// Throws core::Error{malformed} unless `first_mac` has 12 hexadecimal digits.
std::vector<std::string> count_names(std::size_t count,
                                     std::string_view first_mac = "001100000001");

/// Fleet runs the phones on threads of its own. Its calls may come from any thread.
class Fleet {
 public:
  /// Reads the state file, if there is one. Throws core::Error{malformed} for options or a state
  /// file that cannot be.
  explicit Fleet(Options options);
  ~Fleet();  ///< stops
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// start switches every phone on. Once.
  void start();

  Report report() const;

  /// wait_until returns true as soon as `done` holds for the report, false after `timeout`.
  /// `done` is called on this thread, at most about twenty times a second.
  bool wait_until(const std::function<bool(const Report&)>& done,
                  std::chrono::milliseconds timeout) const;

  /// wait_until_all_succeeded waits for every phone's success; also before a reset it may be true.
  bool wait_until_all_succeeded(std::chrono::milliseconds timeout) const;

  /// finished tells whether every phone has ended its scenario (never in `stay` before stop).
  bool finished() const;

  /// set_auth_string is the user typing the authentication string into a phone, before its boot.
  void set_auth_string(const std::string& name, std::string digits);

  /// power_cycle boots phones again, as after a power cut: all of them, or one by name.
  void power_cycle();
  void power_cycle(const std::string& name);

  /// stop switches every phone off without unregistering, and writes the state file. Blocks until
  /// all have ended; a second call does nothing.
  void stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ringfence::fleet
