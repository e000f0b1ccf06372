// How a family of methods enters its handlers into the table: for methods*.cpp alone.
#pragma once

#include <type_traits>

#include "core/admin/json.h"
#include "services/admin/methods.h"

namespace ringfence::services::admin {

template <typename Request, typename Answer, typename Work>
void Methods::on(const core::admin::Method<Request, Answer>& method, Work work) {
  static_assert(std::is_same_v<std::invoke_result_t<const Work&, const Request&, Who>, Answer>,
                "a handler answers with the struct that its method is declared with");
  table_[method.name] = {
      method.level, method.act, [work](Who who, const boost::json::object& params) {
        return core::admin::to_json(work(core::admin::from_json<Request>(params), who));
      }};
}

}  // namespace ringfence::services::admin
