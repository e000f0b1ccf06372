// From the bytes of a trust list to the facts that are shown about it.
#pragma once

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/trust/render.h"
#include "core/trust/trust_list.h"

namespace ringfence::core {

/// facts_of reads `file` as far as it goes and checks its signature; never throws for a bad file.
///
/// `modified` is the file's time on disk. The signer is looked up with `find_signer`; when that is
/// empty, in the file itself, as CUCM does: this proves integrity, not that a phone would accept
/// it; `signer_record` is then the record that proved it. `modified` 0 is unknown. What is wrong
/// with the file becomes `problem`. An empty `file` stands for a missing one.
TrustListFacts facts_of(ListKind kind, BytesView file, Time modified,
                        const FindSigner& find_signer = {});

/// facts_of_empty is what there is to say of a file that is there and has no bytes.
TrustListFacts facts_of_empty(ListKind kind);

}  // namespace ringfence::core
