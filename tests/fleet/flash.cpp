#include "tests/fleet/flash.h"

#include <boost/json.hpp>
#include <openssl/pem.h>

#include "core/base/error.h"
#include "core/base/file.h"

namespace ringfence::fleet {

using core::Code;
using core::Error;
namespace json = boost::json;

namespace {

constexpr std::size_t kLongestFlash = std::size_t{1} << 30;

std::string key_text(EVP_PKEY* key) {
  if (key == nullptr) return {};
  const core::Bio out(core::ensure(BIO_new(BIO_s_mem()), "BIO_new"));
  core::ensure(
      PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
      "PEM_write_bio_PKCS8PrivateKey");
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

core::EvpPkey key_from(const std::string& text) {
  if (text.empty()) return nullptr;
  const core::Bio in(
      core::ensure(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), "BIO_new_mem_buf"));
  return core::EvpPkey(core::ensure(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr),
                                    "PEM_read_bio_PrivateKey"));
}

PhoneMemory memory_from(const json::object& object) {
  const auto text = [&object](const char* name) {
    return std::string(object.at(name).as_string());
  };
  PhoneMemory memory;
  memory.ctl = core::from_hex(text("ctl"));
  memory.itl = core::from_hex(text("itl"));
  memory.config = text("config");
  memory.lsc = core::from_hex(text("lsc"));
  memory.key = key_from(text("key"));
  return memory;
}

}  // namespace

Flash read_flash(const std::filesystem::path& path) {
  Flash flash;
  if (!std::filesystem::exists(path)) return flash;
  const std::string text = core::text_of(core::read_file(path, kLongestFlash));
  try {
    const json::value document = json::parse(text);
    for (const auto& [name, value] : document.as_object())
      flash.emplace(name, memory_from(value.as_object()));
  } catch (const std::exception& error) {
    throw Error(Code::malformed,
                path.string() + " is no state file of a fleet: " + std::string(error.what()));
  }
  return flash;
}

void write_flash(const std::filesystem::path& path, const Flash& flash) {
  json::object document;
  for (const auto& [name, memory] : flash) {
    json::object object;
    object["ctl"] = core::to_hex(memory.ctl);
    object["itl"] = core::to_hex(memory.itl);
    object["config"] = memory.config;
    object["lsc"] = core::to_hex(memory.lsc);
    object["key"] = key_text(memory.key.get());
    document[name] = std::move(object);
  }
  const std::string text = json::serialize(document);
  core::write_atomically(path, core::bytes_of(text), 0600);
}

}  // namespace ringfence::fleet
