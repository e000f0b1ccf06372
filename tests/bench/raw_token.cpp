#include "tests/bench/raw_token.h"

#include <stdlib.h>
#include <sys/mman.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "hsm/der.h"
#include "hsm/error.h"
#include "hsm/module.h"
#include "hsm/token.h"
#include "tests/bench/crew.h"
#include "tests/bench/processor.h"

namespace ringfence::bench {
namespace {

const std::string kModule = "/usr/lib/softhsm/libsofthsm2.so";
const std::string kToken = "bench";
const hsm::Bytes kPin = {'1', '2', '3', '4'};  // of a token that ends with the bench

std::filesystem::path write_configuration(const std::filesystem::path& folder) {
  std::filesystem::create_directory(folder / "tokens");
  const std::filesystem::path path = folder / "softhsm2.conf";
  std::ofstream(path) << "directories.tokendir = " << (folder / "tokens").string()
                      << "\nobjectstore.backend = file\nlog.level = ERROR\n";
  return path;
}

/// make_keys makes the token and one key of each kind. It runs in a process of its own, so that
/// the others find everything when they start.
void make_keys() {
  const hsm::Module module(kModule);
  module.init_token(kToken, kPin, kPin);
  hsm::Token token(module, module.find(kToken).value(), kPin);
  for (const MeasuredKey& key : kKeys) token.generate(key.label, key.spec);
}

/// Store is the module, loaded and logged in, in a process that signs.
struct Store {
  hsm::Module module{kModule};
  hsm::Slot slot = module.find(kToken).value();
  hsm::Session login{module, slot.id};

  Store() { login.login(hsm::User::user, kPin); }
};

enum class Use { token_object, session_copy };

/// RawKey is one session and one key in it, found once.
class RawKey {
 public:
  RawKey(const Store& store, const MeasuredKey& key, Use use)
      : functions_(store.module.operator->()), session_(store.module, store.slot.id) {
    const CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
    const CK_BBOOL on_token = CK_TRUE;
    key_ = session_
               .find({hsm::attribute(CKA_CLASS, private_key), hsm::attribute(CKA_TOKEN, on_token),
                      hsm::attribute(CKA_LABEL, std::string(key.label))})
               .at(0);
    if (use == Use::session_copy) copy();
    const bool rsa = key.spec.algorithm == hsm::KeyAlgorithm::rsa;
    mechanism_.mechanism = static_cast<CK_MECHANISM_TYPE>(rsa ? CKM_RSA_PKCS : CKM_ECDSA);
    input_ = rsa ? hsm::der::digest_info(key.hash, digest_for(key)) : digest_for(key);
  }

  void sign() {
    CK_BYTE signature[1024];
    CK_ULONG size = sizeof signature;
    hsm::check(functions_->C_SignInit(session_.handle(), &mechanism_, key_), "C_SignInit");
    hsm::check(
        functions_->C_Sign(session_.handle(), input_.data(), input_.size(), signature, &size),
        "C_Sign");
  }

 private:
  void copy() {
    const CK_BBOOL off_token = CK_FALSE;
    CK_ATTRIBUTE change = hsm::attribute(CKA_TOKEN, off_token);
    hsm::check(functions_->C_CopyObject(session_.handle(), key_, &change, 1, &key_),
               "C_CopyObject");
  }

  const CK_FUNCTION_LIST* functions_;
  hsm::Session session_;
  CK_OBJECT_HANDLE key_ = 0;
  CK_MECHANISM mechanism_{};
  hsm::Bytes input_;
};

using Left = std::atomic<std::int64_t>;

Child::Perform prepare_maker() {
  make_keys();
  return [](const Order&) { return Seconds(0); };
}

Child::Perform prepare_copies(Left& left) {
  const auto store = std::make_shared<const Store>();
  const auto keys = std::make_shared<std::deque<RawKey>>();
  for (const MeasuredKey& key : kKeys) keys->emplace_back(*store, key, Use::session_copy);
  return [store, keys, &left](const Order& order) {
    RawKey& key = keys->at(order.key);
    while (left.fetch_sub(1, std::memory_order_relaxed) > 0) key.sign();
    return Seconds(0);  // the parent times all processes together
  };
}

Child::Perform prepare_token_objects() {
  const auto store = std::make_shared<const Store>();
  return [store](const Order& order) {
    const auto make = [&]() -> Work {
      const auto key = std::make_shared<RawKey>(*store, kKeys.at(order.key), Use::token_object);
      return [key] { key->sign(); };
    };
    return share(order.count, order.threads, make);
  };
}

Order order_for(const MeasuredKey& key, std::size_t threads, std::size_t count) {
  return {static_cast<std::uint32_t>(&key - kKeys.data()), static_cast<std::uint32_t>(threads),
          count};
}

}  // namespace

void RawToken::Unmap::operator()(Left* left) const noexcept {
  ::munmap(left, sizeof *left);
}

RawToken::RawToken(const std::filesystem::path& folder, std::size_t processes) {
  void* shared =
      ::mmap(nullptr, sizeof(Left), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::runtime_error("mmap failed");
  left_.reset(new (shared) Left(0));

  const std::filesystem::path configuration = write_configuration(folder);
  const auto configured = [&configuration](const Child::Prepare& prepare) {
    return [&configuration, prepare] {
      ::setenv("SOFTHSM2_CONF", configuration.c_str(), 1);
      return prepare();
    };
  };
  { const Child maker(configured(prepare_maker)); }
  const auto copies = [&left = *left_] { return prepare_copies(left); };
  for (std::size_t i = 0; i < processes; ++i) with_copies_.emplace_back(configured(copies));
  with_token_objects_ = std::make_unique<Child>(configured(prepare_token_objects));
}

Seconds RawToken::by_copies(const MeasuredKey& key, std::size_t processes, std::size_t count) {
  *left_ = static_cast<std::int64_t>(count);
  const Order order = order_for(key, 1, count);
  const Clock::time_point began = Clock::now();
  for (std::size_t i = 0; i < processes; ++i) with_copies_.at(i).tell(order);
  for (std::size_t i = 0; i < processes; ++i) with_copies_.at(i).wait();
  return Clock::now() - began;
}

Seconds RawToken::by_token_object(const MeasuredKey& key, std::size_t threads, std::size_t count) {
  with_token_objects_->tell(order_for(key, threads, count));
  return with_token_objects_->wait();
}

Seconds RawToken::processes_time() const {
  Seconds sum = processor_time(with_token_objects_->pid());
  for (const Child& child : with_copies_) sum += processor_time(child.pid());
  return sum;
}

}  // namespace ringfence::bench
