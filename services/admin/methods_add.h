// How a family of methods enters its entries into the table: for methods*.cpp alone.
#pragma once

#include <string>

#include "core/admin/json.h"
#include "services/admin/methods.h"

namespace ringfence::services::admin {

/// Who is the account that asks.
using Who = const std::string&;

template <typename Request, typename Work>
void Methods::add(const std::string& method, int level, Work work) {
  table_[method] = {
      level, Audit::none, [work](const core::Caller& caller, const boost::json::object& params) {
        return core::admin::to_json(work(core::admin::from_json<Request>(params), caller.user));
      }};
}

template <typename Request, typename Work>
void Methods::change(const std::string& method, int level, Work work) {
  add<Request>(method, level, work);
  table_[method].audit = Audit::both;
}

template <typename Request, typename Work>
void Methods::begin(const std::string& method, int level, Work work) {
  add<Request>(method, level, work);
  table_[method].audit = Audit::job;
}

}  // namespace ringfence::services::admin
