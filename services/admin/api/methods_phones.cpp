// The methods of phones: their records, and telling one of them what to do.
#include "core/base/error.h"
#include "services/admin/api/methods_add.h"
#include "services/admin/capf/phone_names.h"
#include "services/admin/jobs/guards.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_phones() {
  Phones& phones = parts_.phones;
  on(method::phone_import,
     [&](const PhoneImportRequest& request, Who) { return phones.import(request); });
  on(method::phone_add, [&](const PhoneFields& fields, Who) { return phones.add(fields); });
  on(method::phone_update, [&](const PhoneFields& fields, Who) { return phones.update(fields); });
  on(method::phone_list,
     [&](const PhoneListRequest& request, Who) { return phones.list(request); });
  on(method::phone_names, [this](const PhoneNamesRequest& request, Who) {
    return phone_names(parts_.house.database, request);
  });
  on(method::phone_show,
     [&](const PhoneRequest& request, Who) { return phones.show(request.name); });
  on(method::phone_remove,
     [&](const PhoneRequest& request, Who) { return phones.remove(request.name); });

  // Whom nothing reaches nothing strands.
  const auto require_services = [this](const std::string& kind, const Phones::Addressees& to,
                                       std::optional<std::int64_t> force) {
    if (to.names.empty()) return;
    const bool enrol = kind == "apply-config" && to.operations;
    const std::string refusal = Guards(parts_.house, parts_.keeper, parts_.services)
                                    .of_tell(kind, to.names, enrol)
                                    .refusal(force);
    if (!refusal.empty()) throw core::Error(core::Code::refused, refusal);
  };
  on(method::phone_reset, [=, &phones](const PhoneResetRequest& request, Who) {
    require_services(request.kind, phones.addressees(request.phones), request.force);
    return phones.reset(request);
  });
  on(method::phone_apply_plan, [=, &phones](const PhoneApplyPlanRequest& request, Who) {
    Phones::Addressees to = phones.addressees({request.name});
    to.operations = request.operation != "none";
    require_services("apply-config", to, request.force);
    return Nothing{};
  });
}

}  // namespace ringfence::services::admin
