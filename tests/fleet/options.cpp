#include "tests/fleet/options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"

namespace ringfence::fleet {

using core::Code;
using core::Error;

namespace {

constexpr std::size_t kLongestFile = 64 * 1024 * 1024;

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  const std::string text = core::text_of(core::read_file(path, kLongestFile));
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(std::move(line));
    at = end + 1;
  }
  return lines;
}

const std::map<std::string, Scenario> kScenarios{
    {"boot", Scenario::boot}, {"enrol", Scenario::enrol}, {"stay", Scenario::stay}};
const std::map<std::string, Transport> kTransports{{"tftp", Transport::tftp},
                                                   {"http", Transport::http}};
const std::map<std::string, SipTransport> kSipTransports{{"udp", SipTransport::udp},
                                                         {"tcp", SipTransport::tcp},
                                                         {"udp-79xx", SipTransport::udp_79xx},
                                                         {"configured", SipTransport::configured}};

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
  CommandLine line;
  Options& fleet = line.fleet;
  std::size_t phones = 1;
  std::string first_mac = "001100000001";
  std::string names;
  std::string auth_strings;
  Transport transport = Transport::tftp;

  CLI::App app("Simulated IP phones: boot, enrol at CAPF, register, obey resets.", "fleet");
  app.add_option("--phones", phones, "how many phones, named SEP<mac> from --first-mac on")
      ->capture_default_str();
  app.add_option("--first-mac", first_mac, "12 hexadecimal digits")->capture_default_str();
  app.add_option("--names", names, "file with one device name a line, instead of --phones")
      ->check(CLI::ExistingFile);
  app.add_option("--server", fleet.server, "IP address of the node")->capture_default_str();
  app.add_option("--port-offset", fleet.port_offset, "added to 69, 6970 and 5060")
      ->capture_default_str();
  app.add_option("--scenario", fleet.scenario,
                 "boot: fetch and verify; enrol: also CAPF and REGISTER; stay: also obey NOTIFY")
      ->transform(CLI::CheckedTransformer(kScenarios))
      ->required();
  CLI::Option* transport_option =
      app.add_option("--transport", transport, "tftp or http; default: Jabber http, others tftp")
          ->transform(CLI::CheckedTransformer(kTransports));
  app.add_option(
         "--sip", fleet.sip,
         "udp (one socket), tcp (one connection a phone), udp-79xx (sent from a throw-away port) "
         "or configured (what each phone's configuration says)")
      ->transform(CLI::CheckedTransformer(kSipTransports));
  app.add_flag("!--no-alarm", fleet.alarm,
               "SEP phones do not tell their ITL when they register: those before release 14");
  app.add_option("--auth-strings", auth_strings, "CSV name,string: what users would type")
      ->check(CLI::ExistingFile);
  app.add_option("--concurrency", fleet.concurrency, "phones that boot at once")
      ->capture_default_str();
  app.add_option("--threads", fleet.threads, "threads")->capture_default_str();
  app.add_option("--key-pool", fleet.key_pool,
                 "1: RSA keys of few primes, quickly made; 0: each made alone")
      ->capture_default_str();
  app.add_option("--state", fleet.state_file, "file that keeps trust, LSC and key between runs");
  app.add_option("--lsc-dir", fleet.lsc_dir, "folder for each LSC as <name>.pem");
  app.add_option(
      "--mic-ca", fleet.mic_ca,
      "PEM file of the CA that signs the phones' MICs, to put into CAPF-trust; made, with "
      "FILE.key, when there is none");
  app.add_option("--control", line.control, "unix socket that answers 'report', or - for stdin");
  app.add_flag("--json", line.json, "print the report as one JSON document at the end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    throw ExitNow{status == 0 ? 0 : 2};
  }

  if (*transport_option) fleet.transport = transport;
  fleet.names = names.empty() ? count_names(phones, first_mac) : read_names(names);
  if (!auth_strings.empty()) fleet.auth_strings = read_auth_strings(auth_strings);
  return line;
}

std::vector<std::string> read_names(const std::filesystem::path& path) {
  std::vector<std::string> names = lines_of(path);
  std::erase_if(names, [](const std::string& line) { return line.empty() || line[0] == '#'; });
  return names;
}

std::map<std::string, std::string> read_auth_strings(const std::filesystem::path& path) {
  std::map<std::string, std::string> strings;
  std::size_t number = 0;
  for (const std::string& line : lines_of(path)) {
    ++number;
    if (line.empty() || (number == 1 && line.starts_with("name,"))) continue;
    const std::size_t comma = line.find(',');
    if (comma == std::string::npos || comma == 0 || comma + 1 == line.size())
      throw Error(Code::malformed,
                  fmt::format("{}:{}: the line must be name,string", path.string(), number));
    strings[line.substr(0, comma)] = line.substr(comma + 1);
  }
  return strings;
}

}  // namespace ringfence::fleet
