#include "services/tftp/find_file.h"

namespace ringfence::services::tftp {

core::Task<std::optional<File>> find_file(Pools pools, Source& files, std::string name,
                                          core::asio::ip::address peer) {
  auto find = [&] { return files.find(name); };
  Found found = co_await core::run_on(pools.work, find);
  if (found.to_sign) {
    auto sign = [&] { return files.sign(*found.to_sign); };
    found.file = co_await pools.files.run(sign, peer);
  }
  co_return std::move(found.file);
}

}  // namespace ringfence::services::tftp
