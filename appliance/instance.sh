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

# pid_of STATE NAME: the process id of ringfence-NAME of this state folder, if it runs. Both daemons
# write theirs into the file that they hold locked, so no start that fails can make us forget them.
pid_of() {
  local file pid
  case $2 in admin) file=$1/lock ;; signer) file=$1/hsm/lock ;; esac
  { read -r pid <"$file"; } 2>/dev/null && is_daemon "$1" "$2" "$pid" && echo "$pid"
}
