// The signer's state on disk: its folder, the lock, the PINs, and the token's first start.
#pragma once

#include "hsm/fd.h"
#include "hsm/key.h"
#include "hsm/module.h"
#include "hsm/signer/config.h"

namespace ringfence::hsm {

/// Pin is a PIN that wipes itself and cannot be printed.
class Pin {
 public:
  explicit Pin(Bytes bytes) noexcept : bytes_(std::move(bytes)) {}

  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin();

  BytesView reveal() const noexcept { return bytes_; }

 private:
  Bytes bytes_;
};

/// enter_state makes <state>/hsm (0700) with softhsm2.conf, takes its lock, and clears away a first
/// start that never finished. The Fd holds the lock. Throws Error: `refused` naming the process
/// that holds the lock.
Fd enter_state(const Config& config);

/// open_slot returns the slot of the configured token.
///
/// On the very first start (SoftHSM, a label as hsm.token, a PIN from a file, and neither token nor
/// PIN file there) it makes the token with random PINs in files of mode 0600. A token that is
/// missing beside a PIN file is never initialised again, and one whose PIN comes as a credential or
/// is typed is never made: nobody would know the PIN. Throws Error{not_found} saying what to do,
/// Error{request} when several tokens match.
Slot open_slot(const Config& config, const Module& module);

/// read_pin reads the user PIN from its file or credential. Throws Error{pin} when that is missing,
/// empty, longer than 255 bytes, or (a file) readable by others, and when the PIN must be typed.
Pin read_pin(const Config& config);

}  // namespace ringfence::hsm
