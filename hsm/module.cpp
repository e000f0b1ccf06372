#include "hsm/module.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "hsm/error.h"

namespace ringfence::hsm {
namespace {

/// PKCS#11 pads text with blanks and does not end it.
template <std::size_t Size>
std::string trimmed(const CK_UTF8CHAR (&text)[Size]) {
  std::size_t size = Size;
  while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == 0)) --size;
  return {text, text + size};
}

std::string to_text(const CK_VERSION& version) {
  return fmt::format("{}.{}", version.major, version.minor);
}

/// InitializeArguments ends with one more pointer: NSS, whose structure has its LibraryParameters
/// where PKCS#11 has pReserved, reads a pReserved behind it and wants it to be null.
struct InitializeArguments {
  CK_C_INITIALIZE_ARGS standard{};
  CK_VOID_PTR after = nullptr;
};

}  // namespace

Module::Module(const std::string& path, const std::string& arguments) {
  library_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr)
    throw Error(Kind::request, fmt::format("cannot load the PKCS#11 module: {}", ::dlerror()));
  auto* get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library_, "C_GetFunctionList"));
  if (get == nullptr) {
    ::dlclose(library_);
    throw Error(Kind::request,
                fmt::format("{} is no PKCS#11 module: it has no C_GetFunctionList", path));
  }
  InitializeArguments initialize;
  initialize.standard.flags = CKF_OS_LOCKING_OK;
  if (!arguments.empty())
    initialize.standard.pReserved = const_cast<char*>(arguments.c_str());  // read only
  try {
    check(get(&functions_), "C_GetFunctionList");
    check(functions_->C_Initialize(&initialize.standard), "C_Initialize");
  } catch (...) {
    ::dlclose(library_);
    throw;
  }
}

Module::~Module() {
  functions_->C_Finalize(nullptr);
  ::dlclose(library_);
}

std::string Module::library() const {
  CK_INFO info{};
  check(functions_->C_GetInfo(&info), "C_GetInfo");
  return fmt::format("{}, {} {}", trimmed(info.manufacturerID), trimmed(info.libraryDescription),
                     to_text(info.libraryVersion));
}

TokenFacts Module::facts(const Slot& used) const {
  TokenFacts facts;
  facts.library = library();
  facts.label = used.label;
  facts.manufacturer = used.manufacturer;
  facts.model = used.model;
  facts.serial = used.serial;
  CK_TOKEN_INFO token{};
  check(functions_->C_GetTokenInfo(used.id, &token), "C_GetTokenInfo");
  facts.hardware = to_text(token.hardwareVersion);
  facts.firmware = to_text(token.firmwareVersion);
  for (const Slot& slot : slots()) {
    CK_SLOT_INFO info{};
    check(functions_->C_GetSlotInfo(slot.id, &info), "C_GetSlotInfo");
    facts.slots.push_back({slot.id, trimmed(info.slotDescription), slot.label, slot.id == used.id});
  }
  return facts;
}

std::vector<Slot> Module::slots() const {
  CK_ULONG count = 0;
  check(functions_->C_GetSlotList(CK_TRUE, nullptr, &count), "C_GetSlotList");
  std::vector<CK_SLOT_ID> ids(count);
  check(functions_->C_GetSlotList(CK_TRUE, ids.data(), &count), "C_GetSlotList");
  ids.resize(count);
  std::vector<Slot> slots;
  for (const CK_SLOT_ID id : ids) {
    CK_TOKEN_INFO info{};
    check(functions_->C_GetTokenInfo(id, &info), "C_GetTokenInfo");
    slots.push_back({id, trimmed(info.label), (info.flags & CKF_TOKEN_INITIALIZED) != 0,
                     trimmed(info.manufacturerID), trimmed(info.model),
                     trimmed(info.serialNumber)});
  }
  return slots;
}

std::optional<Slot> Module::find(const std::string& label) const {
  for (const Slot& slot : slots())
    if (slot.initialized && slot.label == label) return slot;
  return std::nullopt;
}

void Module::init_token(const std::string& label, BytesView so_pin, BytesView user_pin) const {
  const std::vector<Slot> all = slots();
  const auto free =
      std::find_if(all.begin(), all.end(), [](const Slot& slot) { return !slot.initialized; });
  if (free == all.end()) throw Error(Kind::not_found, "no slot is free for a new token");
  CK_UTF8CHAR padded[32];
  std::memset(padded, ' ', sizeof padded);
  label.copy(reinterpret_cast<char*>(padded), sizeof padded);
  auto* pin = const_cast<CK_UTF8CHAR*>(so_pin.data());
  check(functions_->C_InitToken(free->id, pin, so_pin.size(), padded), "C_InitToken");
  const std::optional<Slot> made = find(label);  // SoftHSM gives it another slot id
  if (!made) throw Error(Kind::not_found, "the new token did not appear");
  Session session(*this, made->id);
  session.login(User::security_officer, so_pin);
  auto* new_pin = const_cast<CK_UTF8CHAR*>(user_pin.data());
  check(functions_->C_InitPIN(session.handle(), new_pin, user_pin.size()), "C_InitPIN");
}

Session::Session(const Module& module, CK_SLOT_ID slot) : module_(module) {
  check(
      module_->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &handle_),
      "C_OpenSession");
}

Session::~Session() {
  module_->C_CloseSession(handle_);
}

void Session::login(User user, BytesView pin) {
  const CK_USER_TYPE type = user == User::user ? CKU_USER : CKU_SO;
  auto* bytes = const_cast<CK_UTF8CHAR*>(pin.data());
  check(module_->C_Login(handle_, type, bytes, pin.size()), "C_Login");
}

std::vector<CK_OBJECT_HANDLE> Session::find(std::vector<CK_ATTRIBUTE> match) const {
  check(module_->C_FindObjectsInit(handle_, match.data(), match.size()), "C_FindObjectsInit");
  std::vector<CK_OBJECT_HANDLE> found;
  CK_OBJECT_HANDLE chunk[32];
  CK_ULONG count = 0;
  CK_RV rv = CKR_OK;
  do {
    rv = module_->C_FindObjects(handle_, chunk, std::size(chunk), &count);
    if (rv == CKR_OK) found.insert(found.end(), chunk, chunk + count);
  } while (rv == CKR_OK && count > 0);
  module_->C_FindObjectsFinal(handle_);
  check(rv, "C_FindObjects");
  return found;
}

Bytes Session::attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const {
  CK_ATTRIBUTE entry{type, nullptr, 0};
  check(module_->C_GetAttributeValue(handle_, object, &entry, 1), "C_GetAttributeValue");
  Bytes value(entry.ulValueLen);
  entry.pValue = value.data();
  check(module_->C_GetAttributeValue(handle_, object, &entry, 1), "C_GetAttributeValue");
  value.resize(entry.ulValueLen);
  return value;
}

std::optional<Bytes> Session::attribute_if(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const {
  try {
    return attribute(object, type);
  } catch (const Error& error) {
    switch (error.rv()) {
      case CKR_ATTRIBUTE_SENSITIVE:
      case CKR_ATTRIBUTE_TYPE_INVALID:
      case CKR_ATTRIBUTE_VALUE_INVALID:  // NSS, for one that its database does not hold
      case CKR_OBJECT_HANDLE_INVALID: return std::nullopt;
      default: throw;
    }
  }
}

bool Session::logged_in() const {
  CK_SESSION_INFO info{};
  check(module_->C_GetSessionInfo(handle_, &info), "C_GetSessionInfo");
  return info.state == CKS_RW_USER_FUNCTIONS;
}

std::size_t Session::sign(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, BytesView input,
                          std::span<std::uint8_t> signature) const {
  check(module_->C_SignInit(handle_, &mechanism, key), "C_SignInit");
  CK_ULONG size = signature.size();
  auto* bytes = const_cast<CK_BYTE*>(input.data());
  check(module_->C_Sign(handle_, bytes, input.size(), signature.data(), &size), "C_Sign");
  return size;
}

CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, BytesView value) {
  return {type, const_cast<std::uint8_t*>(value.data()), value.size()};
}

CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, const std::string& value) {
  return {type, const_cast<char*>(value.data()), value.size()};
}

}  // namespace ringfence::hsm
