// What a shell may ask of ringfence-admin, as plain structs: the part that most commands need.
#pragma once

#include "core/admin/job_api.h"
#include "core/admin/phone_api.h"
#include "core/admin/system_api.h"
#include "core/admin/trust_api.h"

// Every struct maps to a JSON object with the same member names (core/admin/json.h). Times are
// RFC 3339 text, digests and serials hexadecimal text. A member called `text` is the same facts
// laid out as CUCM prints them, for people; a JSON document for scripts leaves it out.
