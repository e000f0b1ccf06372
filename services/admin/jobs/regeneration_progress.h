// What a regeneration keeps of its way, in the row of its job.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/admin/jobs/regeneration.h"

namespace ringfence::services::admin {

/// Progress is what a job has to know to go on after a restart; it is the job's `arguments`.
struct Regeneration::Progress {
  core::Unit unit = core::Unit::capf;
  bool published = false;
  std::string itl_sha1;
  std::string old_serial;             ///< of the certificate that is replaced, hex
  bool imported = false;              ///< somebody else signed the new certificate
  std::int64_t left_out = 0;          ///< phones that hold a list and were not registered
  std::vector<std::string> absent;    ///< the first of them, by name
  Force forced;                       ///< over how many phones
  std::vector<std::string> notes;     ///< said before it began
  std::vector<std::string> warnings;  ///< what went wrong once the list was in force
  std::vector<std::string> untold;    ///< services that were not told of it
  std::string next;                   ///< what helps phones that refused the list; may be empty

  std::string event() const { return imported ? "CERT_IMPORT" : "CERT_REGENERATE"; }

  std::string to_text() const;
  static Progress from_text(const std::string& text);
};

}  // namespace ringfence::services::admin
