// The file of one object of a SoftHSM token, as SoftHSM 2.6 writes it.
#pragma once

#include "hsm/key.h"

namespace ringfence::hsm {

/// is_whole_object says whether SoftHSM could have written all of `file`. Numbers have 8 bytes, big
/// endian. A counter of changes comes first, then at least one attribute: its type, the kind of its
/// value, the value:
///
/// | kind | value |
/// |---|---|
/// | 1 | a boolean: one byte |
/// | 2 | a number |
/// | 3 | bytes behind their count |
/// | 4 | attributes (a template) behind the count of their bytes |
/// | 5 | numbers (mechanisms) behind their count |
///
/// Nothing stands behind the last, and no type stands twice. SoftHSM believes the count of bytes:
/// one that is garbage is more memory than there is, and ends the process. Values of private
/// objects are encrypted; where one has a gap of 32 zeros, a sector did not reach the disk. Smaller
/// damage to a value cannot be seen.
bool is_whole_object(BytesView file);

}  // namespace ringfence::hsm
