#include "hsm/signer/state.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/base/leftovers.h"
#include "core/base/secret.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/base/wipe.h"
#include "hsm/error.h"
#include "hsm/files.h"
#include "hsm/signer/token_file.h"

namespace ringfence::hsm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPinPage = 4096;  // bytes; PINs have at most 255

/// While this file stands, the first start has not finished and no key can exist yet.
fs::path marker(const Config& config) {
  return config.folder() / "initialising";
}

/// random_pin returns 32 hexadecimal digits: 128 bits.
core::Secret random_pin() {
  Bytes random(16);
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    throw Error(Kind::unavailable, "the kernel gave no random bytes");
  const core::Secret bytes(std::move(random));
  std::string digits = core::to_hex(bytes.reveal());
  core::Secret pin(digits);
  core::wipe(digits);
  return pin;
}

Fd take_lock(const fs::path& path) {
  if (std::optional<Fd> lock = lock_file(path)) return std::move(*lock);
  const Bytes holder = read_whole(path);
  throw Error(Kind::refused,
              fmt::format("{}: process {} already runs a signer on this state folder; stop it, or "
                          "use another --state",
                          path.string(),
                          core::in_one_line(core::trimmed(core::text_of(holder), "\n"), 20)));
}

void make_token(const Config& config, const Module& module) {
  const core::Secret so_pin = random_pin();
  const core::Secret user_pin = random_pin();
  replace_file(marker(config), core::bytes_of("the token's first start has not finished\n"));
  replace_file(config.so_pin_file(), so_pin.reveal());
  replace_file(config.pin.path, user_pin.reveal());
  module.init_token(config.token.label, so_pin.reveal(), user_pin.reveal());
  sync_token_files(config);
  keep_token_files(config);  // the first login rewrites them already
  sync_folder(config.folder());
  fs::remove(marker(config));
  sync_folder(config.folder());
}

/// clear_first_start takes the marker away last: a power cut meanwhile leaves it, or nothing else.
void clear_first_start(const Config& config) {
  const fs::path folder = config.folder();
  fs::remove_all(folder / "tokens");
  fs::remove_all(folder / "good");
  fs::remove(config.so_pin_file());
  if (config.pin.from == PinSource::From::file) {
    fs::remove(config.pin.path);
    if (fs::exists(config.pin.path.parent_path())) sync_folder(config.pin.path.parent_path());
  }
  sync_folder(folder);
  fs::remove(marker(config));
}

/// find_slot returns the one that the configuration chooses; nothing when there is none.
std::optional<Slot> find_slot(const Config& config, const Module& module) {
  std::optional<Slot> found;
  for (Slot& slot : module.slots()) {
    if (!config.token.matches(slot)) continue;
    if (found)
      throw Error(Kind::request,
                  fmt::format("{} shows several tokens for \"{}\" (in the slots {} and {}): add "
                              "serial=… to the URI in hsm.token",
                              config.module, config.token.text, found->id, slot.id));
    found = std::move(slot);
  }
  return found;
}

/// require_makeable refuses to make a token that nobody could open, or that would not be found.
void require_makeable(const Config& config) {
  const TokenMatch& token = config.token;
  const bool by_label = !token.label.empty() && token.manufacturer.empty() && token.model.empty() &&
                        token.serial.empty() && !token.slot_id;
  if (by_label && config.pin.from == PinSource::From::file) return;
  throw Error(Kind::not_found,
              fmt::format("there is no token \"{}\" yet, and one is made at the first start only "
                          "when hsm.token is a label and the PIN is in a file: make it with "
                          "SOFTHSM2_CONF={} softhsm2-util --init-token --free --label {}",
                          token.text, (config.folder() / "softhsm2.conf").string(),
                          token.label.empty() ? "ringfence" : token.label));
}

/// remove_leftovers takes away what is left of a process that was killed while it replaced one of
/// our files.
void remove_leftovers(const Config& config) {
  for (const fs::path& file : {marker(config), config.so_pin_file(), config.versions_file(),
                               config.folder() / "softhsm2.conf"})
    core::remove_leftovers(file);
  if (config.pin.from == PinSource::From::file) core::remove_leftovers(config.pin.path);
  remove_token_leftovers(config);
}

}  // namespace

Pin::Pin(Bytes bytes) : size_(std::min(bytes.size(), kPinPage)) {
  void* page =
      ::mmap(nullptr, kPinPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw Error(Kind::unavailable, "there is no memory for a PIN");
  ::mlock(page, kPinPage);  // best effort: an unprivileged user may have no such right
  ::madvise(page, kPinPage, MADV_DONTDUMP);
  page_ = static_cast<std::uint8_t*>(page);
  std::copy_n(bytes.begin(), size_, page_);
  ::explicit_bzero(bytes.data(), bytes.size());
}

Pin::~Pin() {
  wipe();
  ::munmap(page_, kPinPage);
}

void Pin::wipe() noexcept {
  ::explicit_bzero(page_, size_);
  size_ = 0;
}

Fd enter_state(const Config& config) {
  const fs::path folder = config.folder();
  fs::create_directories(config.state);
  make_folder(folder);
  if (::chmod(folder.c_str(), 0700) != 0)
    throw Error(Kind::unavailable,
                fmt::format("{}: cannot set mode 0700: {}", folder.string(), std::strerror(errno)));
  sync_folder(config.state);
  Fd lock = take_lock(folder / "lock");
  remove_leftovers(config);
  if (fs::exists(marker(config))) clear_first_start(config);
  if (config.is_softhsm()) {
    make_folder(folder / "tokens");
    const std::string text = fmt::format(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n"
        "slots.removable = false\n",
        fs::absolute(folder / "tokens").string());
    replace_file(folder / "softhsm2.conf", core::bytes_of(text));
  }
  return lock;
}

Slot open_slot(const Config& config, const Module& module) {
  if (const std::optional<Slot> slot = find_slot(config, module)) return *slot;
  if (!config.is_softhsm())
    throw Error(Kind::not_found,
                fmt::format("{} shows no token \"{}\": set hsm.token in ringfence.toml, or "
                            "initialise the token with its vendor's tool",
                            config.module, config.token.text));
  const bool ours = config.pin.from == PinSource::From::file;
  for (const fs::path& file :
       {ours ? config.pin.path : fs::path(), config.so_pin_file(), config.folder() / "good"})
    if (!file.empty() && fs::exists(file))
      throw Error(
          Kind::not_found,
          fmt::format("the token \"{}\" is missing in {} though {} exists: restore the "
                      "folder from a backup",
                      config.token.text, (config.folder() / "tokens").string(), file.string()));
  require_makeable(config);
  make_token(config, module);
  const std::optional<Slot> made = find_slot(config, module);
  if (!made) throw Error(Kind::not_found, "the new token did not appear");
  return *made;
}

Pin read_pin(const Config& config) {
  if (config.pin_is_typed())
    throw Error(Kind::pin, "the token's PIN must be typed: utils hsm unlock");
  const std::string where = config.pin.to_text();
  const Fd fd(::open(config.pin.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd)
    throw Error(Kind::pin, fmt::format("cannot read {} ({}): put the token's user PIN there, mode "
                                       "0600, and start again",
                                       where, std::strerror(errno)));

  struct stat facts {};

  // systemd guards a credential by its folder, and its ACL shows as bits of the group.
  const bool guarded = config.pin.from == PinSource::From::credential;
  if (::fstat(fd.get(), &facts) != 0 || (!guarded && (facts.st_mode & 077) != 0))
    throw Error(Kind::pin, fmt::format("{} is open to other users: chmod 600 it", where));
  Bytes bytes(257);
  const ssize_t count = ::read(fd.get(), bytes.data(), bytes.size());
  Pin whole(std::move(bytes));
  BytesView text = whole.reveal().first(count > 0 ? static_cast<std::size_t>(count) : 0);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text = text.first(text.size() - 1);
  if (text.empty() || text.size() > 255)
    throw Error(Kind::pin, fmt::format("{} must hold a PIN of 1 to 255 bytes", where));
  return Pin(Bytes(text.begin(), text.end()));
}

}  // namespace ringfence::hsm
