#include "tests/fleet/tvs_client.h"

#include "core/base/error.h"
#include "services/tvs/protocol.h"
#include "tests/fleet/tls_client.h"

namespace ringfence::fleet {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Error;
using core::Reader;
namespace tvs = services::tvs;

namespace {

constexpr std::uint32_t kFirstSession = 1001;  // as phones start (cucm-behaviour 6.1)
constexpr std::chrono::seconds kLimit{10};

enum Tag : std::uint8_t { kCertificate = 2, kStatus = 7, kRole = 8, kLifetime = 9 };

}  // namespace

std::optional<Vouched> parse_query_response(std::uint32_t session, BytesView header,
                                            BytesView payload) {
  Reader head(header);
  const bool starts = head.u8("the TVS header") == 0x57 && head.u8("the TVS header") == 1;
  if (!starts || head.u8("the TVS header") != 4)
    throw Error(Code::malformed, "TVS did not answer the query");
  head.u8("the TVS header");  // unused: CUCM leaves rubbish there
  if (head.u32("the TVS header") != session)
    throw Error(Code::malformed, "TVS answered another session");
  if (head.u16("the TVS header") != payload.size())
    throw Error(Code::malformed, "the TVS answer has not the length it announced");
  Vouched vouched;
  std::optional<std::uint8_t> status;
  bool signs_files = false;
  for (Reader body(payload); !body.empty();) {
    const std::uint8_t tag = body.u8("a TVS element");
    const std::uint16_t length = body.u16("a TVS element");
    const BytesView bytes = body.take(length, "a TVS element");
    Reader value(bytes);
    switch (tag) {
      case kCertificate: vouched.certificate.assign(bytes.begin(), bytes.end()); break;
      case kStatus: status = value.u8("the TVS status"); break;
      case kRole:
        while (!value.empty()) {  // one role an element, or several in one
          const std::uint8_t role = value.u8("a TVS role");
          signs_files = signs_files || role == 0 || role == 2 || role == 3;
        }
        break;
      case kLifetime: vouched.lifetime = std::chrono::seconds(value.u32("the TVS lifetime")); break;
      default: break;
    }
  }
  if (!status) throw Error(Code::malformed, "the TVS answer has no status");
  if (*status != 0 || !signs_files) return std::nullopt;
  if (vouched.certificate.empty())
    throw Error(Code::malformed, "TVS vouches for a signer without its certificate");
  return vouched;
}

core::Task<std::optional<Vouched>> query_tvs(core::asio::ssl::context& context,
                                             core::tcp::endpoint server, std::string device,
                                             core::SignerName signer,
                                             const std::function<bool(BytesView)>& trusts_server) {
  const core::asio::any_io_executor executor = co_await core::asio::this_coro::executor;
  TlsConnection connection(executor, context, "TVS");
  co_await connection.connect(server, kLimit);
  if (!trusts_server(connection.certificate()))
    throw Error(Code::refused, "the TVS server's certificate is not in the trust list");
  tvs::Query query;
  query.device = std::move(device);
  query.subject = std::move(signer.subject);
  query.issuer = std::move(signer.issuer);
  query.serial = std::move(signer.serial);
  tvs::Request request = std::move(query);
  Bytes out = tvs::to_bytes(kFirstSession, request);
  co_await connection.write(std::move(out), kLimit);
  const Bytes header = co_await connection.read(tvs::kHeaderBytes, kLimit);
  const std::size_t length = Reader(BytesView(header).subspan(8)).u16("the TVS header");
  const Bytes payload = co_await connection.read(length, kLimit);
  co_return parse_query_response(kFirstSession, header, payload);
}

}  // namespace ringfence::fleet
