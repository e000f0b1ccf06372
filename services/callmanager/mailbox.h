// Work that other threads hand to the one that runs Sofia's loop.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "core/base/file.h"

namespace ringfence::services::callmanager {

/// Mailbox is a queue with a descriptor that is readable while work waits. `post` may be called
/// from any thread; what was posted and never taken is destroyed with the mailbox.
class Mailbox {
 public:
  Mailbox();

  void post(std::function<void()> work);
  std::vector<std::function<void()>> take();  ///< in the order posted

  int descriptor() const noexcept { return event_.get(); }

 private:
  core::Fd event_;
  std::mutex mutex_;
  std::vector<std::function<void()>> work_;
};

}  // namespace ringfence::services::callmanager
