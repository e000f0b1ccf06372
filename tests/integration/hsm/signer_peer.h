// Requests, their check by OpenSSL, and a peer that speaks bytes of its own choice to the signer.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "hsm/files.h"
#include "hsm/wire.h"
#include "tests/integration/hsm/support.h"
#include "tests/support/eventually.h"

namespace ringfence::hsm::test {

using ringfence::test::eventually;

/// ecdsa asks for the signature of a handshake, which every role may have.
inline SignRequest ecdsa(const KeyRef& key, std::uint8_t fill = 1) {
  SignRequest request;
  request.key = key;
  request.scheme = Scheme::ecdsa;
  request.hash = Hash::sha256;
  request.message = Bytes(64, ' ');
  const Bytes context = bytes_of("TLS 1.3, server CertificateVerify");
  request.message.insert(request.message.end(), context.begin(), context.end());
  request.message.push_back(0);
  request.message.resize(request.message.size() + 32, fill);
  return request;
}

/// digested is the request as the signer hands it to a worker: with the digest it made.
inline SignRequest digested(SignRequest request) {
  request.input.resize(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  EVP_Digest(request.message.data(), request.message.size(), request.input.data(), &size,
             EVP_sha256(), nullptr);
  request.input.resize(size);
  return request;
}

/// verifies checks an ECDSA signature with OpenSSL's own code.
inline bool verifies(const Bytes& spki, const SignRequest& request, const Bytes& signature) {
  const std::uint8_t* at = spki.data();
  const KeyHandle key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  const MdCtx context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), request.message.data(),
                          request.message.size()) == 1;
}

/// Peer speaks bytes of its own choice to a socket of the signer.
class Peer {
 public:
  explicit Peer(const std::filesystem::path& path)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    connected_ =
        ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  bool connected() const { return connected_; }

  void send(const Bytes& bytes) const {
    ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  /// ended waits at most `timeout_ms` for the signer to hang up.
  bool ended(int timeout_ms = 20'000) const {
    pollfd entry{fd_.get(), POLLIN, 0};
    char chunk[4096];
    while (::poll(&entry, 1, timeout_ms) == 1)
      if (::recv(fd_.get(), chunk, sizeof chunk, 0) <= 0) return true;
    return false;
  }

  std::optional<wire::Answer> answer() {
    for (;;) {
      if (const auto body = frames_.next()) return wire::parse_answer(*body);
      pollfd entry{fd_.get(), POLLIN, 0};
      if (::poll(&entry, 1, 20'000) != 1) return std::nullopt;
      const std::span<std::uint8_t> room = frames_.room(4096);
      const ssize_t count = ::recv(fd_.get(), room.data(), room.size(), 0);
      if (count <= 0) return std::nullopt;
      frames_.took(static_cast<std::size_t>(count));
    }
  }

 private:
  Fd fd_;
  wire::FrameReader frames_;
  bool connected_ = false;
};

}  // namespace ringfence::hsm::test
