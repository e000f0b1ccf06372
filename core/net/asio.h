// The only place that includes Boost.Asio.
#pragma once

#include <exception>
#include <utility>

#include <boost/asio.hpp>
#include <boost/asio/experimental/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ssl.hpp>

namespace ringfence::core {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using udp = asio::ip::udp;

/// Task is what a coroutine of ours returns. Parameters go by value, or by reference to what
/// outlives the coroutine; see STYLE "name it, then await it".
template <typename T>
using Task = asio::awaitable<T>;

}  // namespace ringfence::core
