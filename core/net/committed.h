// A coroutine that waits for the disk, and no thread that does.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/net/asio.h"

namespace ringfence::core {

/// when_done calls `start(done)` and suspends until somebody calls `done(std::exception_ptr)`,
/// once, from any thread; the coroutine then goes on where it ran before, or throws what it was
/// given. `start` is a named callable that outlives the await (STYLE 2.6); it must call or keep
/// `done`, and not throw after that.
template <typename Start>
Task<void> when_done(Start& start) {
  std::exception_ptr failure;
  auto initiate = [&](auto handler) {
    // The guard keeps the context running while nothing but the disk is at work.
    auto home = asio::make_work_guard(asio::get_associated_executor(handler));
    struct Waiting {
      decltype(handler) resume;
      decltype(home) stay;
    };
    // Whoever keeps `done` wants it copyable; a coroutine's handler is not.
    auto waiting = std::make_shared<Waiting>(Waiting{std::move(handler), std::move(home)});
    start([&failure, waiting = std::move(waiting)](std::exception_ptr error) {
      failure = std::move(error);
      const auto stay = std::move(waiting->stay);  // no longer than this call
      asio::post(stay.get_executor(), std::move(waiting->resume));
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(initiate,
                                                                        asio::use_awaitable);
  if (failure) std::rethrow_exception(failure);
}

/// committed runs `work()` as a piece of `group`, a WriteGroup, and returns what it returned once
/// that is on disk; it throws what WriteGroup::write would. No thread waits meanwhile. `work` is a
/// named callable that outlives the await; it runs on the group's thread and in its transaction, so
/// what it calls of stores of that database is written with it: all or nothing.
template <typename Group, typename Work>
auto committed(Group& group, Work& work) -> Task<std::invoke_result_t<Work&>> {
  using Result = std::invoke_result_t<Work&>;
  std::conditional_t<std::is_void_v<Result>, char, std::optional<Result>> result{};
  auto piece = [&](auto& /*session*/) {
    if constexpr (std::is_void_v<Result>)
      work();
    else
      result.emplace(work());
  };
  auto start = [&](auto done) { group.submit(piece, std::move(done)); };
  co_await when_done(start);
  if constexpr (!std::is_void_v<Result>) co_return std::move(*result);
}

}  // namespace ringfence::core
