# What appliance/run and appliance/sh share: where an instance lives, and whether it runs.
# Sourced, never run. Uses: $top.

default_state=${XDG_STATE_HOME:-$HOME/.local/state}/ringfence
programs=${RINGFENCE_PROGRAMS:-$top/build/release/bin} # another build's bin folder, for tests

say() { printf '==> %s\n' "$*"; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
misuse() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 2; }

# absolute PATH: the path from /, whether it exists or not.
absolute() { realpath -m -- "$1"; }

# require_safe STATE: refuses a state folder that another user could change. The daemons ask the same
# (core/base/state_folder.h); here it is asked before this script writes there.
require_safe() {
  local name within=() path
  [ -d "$1" ] || return 0
  for name in ringfence.toml lock db log run tftp hsm; do
    if [ -e "$1/$name" ] || [ -L "$1/$name" ]; then within+=("$1/$name"); fi
  done
  # first TEST...: the first path that it fits; of tftp only the trust lists are ours.
  first() {
    {
      find "$path" -maxdepth 0 "$@" -print
      [ ${#within[@]} -eq 0 ] || find "${within[@]}" -maxdepth 1 \( -path "$path/tftp/*" ! -name '[CI]TLFile*' -prune \) -o "$@" -print
    } 2>/dev/null | head -n 1
  }
  path=$1
  name=$(first -type l)
  [ -z "$name" ] || fail "$name is a symbolic link, which is not followed inside a state folder: put the file or folder itself there"
  name=$(first ! -uid "$(id -u)" ! -uid 0)
  [ -z "$name" ] || fail "$name belongs to another user: run this as its owner, or chown $(id -u) $name"
  name=$(first ! -type s -perm /022)
  [ -z "$name" ] || fail "$name can be changed by other users: chmod go-w $name"
}

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
