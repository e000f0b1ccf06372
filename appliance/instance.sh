# What appliance/run and appliance/sh share: where an instance lives, and whether it runs.
# Sourced, never run. Uses: $top.

default_state=${XDG_STATE_HOME:-$HOME/.local/state}/ringfence
programs=${RINGFENCE_PROGRAMS:-$top/build/release/bin} # another build's bin folder, for tests

say() { printf '==> %s\n' "$*"; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
misuse() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 2; }

# absolute PATH: the path from /, whether it exists or not.
absolute() { realpath -m -- "$1"; }

# is_daemon STATE NAME PID: whether that process is ringfence-NAME of this state folder; NAME may
# be a pattern. A process that ended and waits for its parent is none.
is_daemon() {
  local words=()
  { mapfile -d '' -t words <"/proc/$3/cmdline"; } 2>/dev/null || return 1
  [ ${#words[@]} -eq 3 ] && [[ ${words[0]##*/} == ringfence-$2 ]] && [ "${words[1]}" = --state ] && [ "${words[2]}" = "$1" ]
}

# pid_of STATE: the process id of ringfence-admin of this state folder, if it runs. It writes
# its own into the file that it holds locked, so no start that fails can make us forget it.
pid_of() {
  local pid
  { read -r pid <"$1/lock"; } 2>/dev/null && is_daemon "$1" admin "$pid" && echo "$pid"
}
