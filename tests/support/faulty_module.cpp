// libsofthsm2-faulty.so: a PKCS#11 module that is SoftHSM, except for the faults a test asks for.
//
// The environment variable RINGFENCE_FAULTS names a text file that is read at each call, so a test
// may change it at any time (by renaming a new one over it; tests/support/faults.h does). A line is
//
//     FUNCTION ACTION [after N] [once]
//
// FUNCTION is C_Sign and the like, or * for any. ACTION is a code (0x32), which is returned without
// SoftHSM being asked; `absent` (C_GetSlotList shows no token); `hang` (never returns); or `exit`
// (the process ends at once, before SoftHSM is asked). `after N` lets a process's first N calls
// pass that come after it has first seen the line; `once` takes the line away when it happens, in
// whichever process that is. The first line that applies counts.
//
// RINGFENCE_FAULTS.log gets a line "C_Login 4711 0x0" (process, answer) for each C_Initialize and
// C_Login, and "fault C_Sign 4711 0x32" for each fault.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "hsm/pkcs11.h"

namespace {

constexpr const char* kReal = "/usr/lib/softhsm/libsofthsm2.so";

CK_FUNCTION_LIST* real = nullptr;

struct Fault {
  std::string line;
  std::string function;
  std::string action;
  unsigned after = 0;
  bool once = false;
};

std::string faults_path() {
  const char* path = std::getenv("RINGFENCE_FAULTS");
  return path == nullptr ? "" : path;
}

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

Fault parse(const std::string& line) {
  Fault fault{line, "", "", 0, false};
  std::istringstream words(line);
  words >> fault.function >> fault.action;
  for (std::string word; words >> word;) {
    if (word == "after") words >> fault.after;
    if (word == "once") fault.once = true;
  }
  return fault;
}

void log(const std::string& line) {
  const int fd =
      ::open((faults_path() + ".log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const std::string whole = line + "\n";
  if (::write(fd, whole.data(), whole.size()) < 0) std::abort();
  ::close(fd);
}

/// take_away removes a line of `once`; false when another process was quicker.
bool take_away(const std::string& line) {
  const std::string path = faults_path();
  const int lock = ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return false;
  ::flock(lock, LOCK_EX);
  std::vector<std::string> lines = read_lines(path);
  const auto found = std::find(lines.begin(), lines.end(), line);
  const bool there = found != lines.end();
  if (there) {
    lines.erase(found);
    std::ofstream(path + ".rest") << fmt::format("{}\n", fmt::join(lines, "\n"));
    std::filesystem::rename(path + ".rest", path);
  }
  ::close(lock);
  return there;
}

/// passes counts this call and says whether the line lets it pass.
bool passes(const Fault& fault) {
  static std::mutex mutex;
  static std::map<std::string, unsigned> seen;
  const std::lock_guard guard(mutex);
  return seen[fault.line]++ < fault.after;
}

/// fault_of returns what happens to this call instead of it; nothing when it shall just happen.
std::optional<std::string> fault_of(const std::string& function) {
  if (faults_path().empty()) return std::nullopt;
  for (const std::string& line : read_lines(faults_path())) {
    const Fault fault = parse(line);
    if (fault.function != function && fault.function != "*") continue;
    if (passes(fault) || (fault.once && !take_away(line))) continue;
    log(fmt::format("fault {} {} {}", function, ::getpid(), fault.action));
    return fault.action;
  }
  return std::nullopt;
}

void log_call(const std::string& function, CK_RV rv) {
  if (faults_path().empty() || (function != "C_Initialize" && function != "C_Login")) return;
  log(fmt::format("{} {} {:#x}", function, ::getpid(), rv));
}

/// Name carries a function's name through a template argument.
template <std::size_t Size>
struct Name {
  char text[Size];

  constexpr Name(const char (&from)[Size]) { std::copy_n(from, Size, text); }  // NOLINT: implicit
};

/// show_none answers C_GetSlotList with no slots; other functions have nothing to show.
void show_none(CK_BBOOL /*token_present*/, CK_SLOT_ID* /*slots*/, CK_ULONG* count) {
  *count = 0;
}

template <typename... Arguments>
void show_none(Arguments... /*arguments*/) {}

template <Name name, auto member, typename Function>
struct Wrapped;

template <Name name, auto member, typename... Arguments>
struct Wrapped<name, member, CK_RV (*)(Arguments...)> {
  static CK_RV call(Arguments... arguments) {
    const std::optional<std::string> fault = fault_of(name.text);
    CK_RV rv = CKR_OK;
    if (!fault) {
      rv = (real->*member)(arguments...);
    } else if (*fault == "exit") {
      ::_exit(86);
    } else if (*fault == "hang") {
      for (;;) ::pause();
    } else if (*fault == "absent") {
      show_none(arguments...);
    } else {
      rv = std::stoul(*fault, nullptr, 0);
    }
    log_call(name.text, rv);
    return rv;
  }
};

CK_FUNCTION_LIST make_list() {
  void* library = ::dlopen(kReal, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return {};
  auto* get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  if (get == nullptr || get(&real) != CKR_OK) return {};
  CK_FUNCTION_LIST list = *real;
#define WRAP(function) \
  list.function =      \
      Wrapped<#function, &CK_FUNCTION_LIST::function, decltype(CK_FUNCTION_LIST::function)>::call
  WRAP(C_Initialize);
  WRAP(C_Finalize);
  WRAP(C_GetInfo);
  WRAP(C_GetSlotList);
  WRAP(C_GetSlotInfo);
  WRAP(C_GetTokenInfo);
  WRAP(C_InitToken);
  WRAP(C_InitPIN);
  WRAP(C_OpenSession);
  WRAP(C_CloseSession);
  WRAP(C_GetSessionInfo);
  WRAP(C_Login);
  WRAP(C_Logout);
  WRAP(C_CreateObject);
  WRAP(C_CopyObject);
  WRAP(C_DestroyObject);
  WRAP(C_GetAttributeValue);
  WRAP(C_SetAttributeValue);
  WRAP(C_FindObjectsInit);
  WRAP(C_FindObjects);
  WRAP(C_FindObjectsFinal);
  WRAP(C_SignInit);
  WRAP(C_Sign);
  WRAP(C_GenerateKeyPair);
#undef WRAP
  return list;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(
    CK_FUNCTION_LIST** functions) {
  static CK_FUNCTION_LIST list = make_list();
  if (real == nullptr) return CKR_GENERAL_ERROR;
  *functions = &list;
  return CKR_OK;
}
