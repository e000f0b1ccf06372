// Asio's own functions, once for all programs.
#include "core/net/asio.h"

#if !defined(BOOST_ASIO_HEADER_ONLY)
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#endif
