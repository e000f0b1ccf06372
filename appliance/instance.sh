# What appliance/run and appliance/sh share: where an instance lives, and whether it runs.
# Sourced, never run. Uses: $top.

default_state=${XDG_STATE_HOME:-$HOME/.local/state}/ringfence
programs=${RINGFENCE_PROGRAMS:-$top/build/release/bin} # another build's bin folder, for tests

say() { printf '==> %s\n' "$*"; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
misuse() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 2; }

# absolute PATH: the path from /, whether it exists or not.
absolute() { realpath -m -- "$1"; }

# pid_of STATE NAME: the process id of ringfence-NAME of this state folder, if it runs.
pid_of() {
  local pid
  pid=$(cat "$1/run/$2.pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "ringfence-$2 --state $1 " || return 1
  echo "$pid"
}
