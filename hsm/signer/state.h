// The signer's state on disk: its folder, the lock, the PINs, and the token's first start.
#pragma once

#include "hsm/files.h"
#include "hsm/key.h"
#include "hsm/module.h"
#include "hsm/signer/config.h"

namespace ringfence::hsm {

/// Pin is a PIN that wipes itself and cannot be printed. It lies in a page of its own, which is
/// neither swapped out (as far as RLIMIT_MEMLOCK allows) nor dumped.
class Pin {
 public:
  /// Takes and wipes `bytes`. Throws Error{unavailable} when there is no memory.
  explicit Pin(Bytes bytes);
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin();

  BytesView reveal() const noexcept { return {page_, size_}; }

  /// wipe empties it: a forked worker has a page of its own, which its parent cannot wipe.
  void wipe() noexcept;

 private:
  std::uint8_t* page_ = nullptr;
  std::size_t size_ = 0;
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
