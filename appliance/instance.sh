# What appliance/run, keep and sh share: where an instance lives, whether it runs, and ending it.
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

# is_keeper STATE PID: whether that process is appliance/keep of this state folder.
is_keeper() {
  local words=()
  { mapfile -d '' -t words <"/proc/$2/cmdline"; } 2>/dev/null || return 1
  [ ${#words[@]} -eq 4 ] && [[ ${words[1]} == */appliance/keep ]] && [ "${words[2]}" = --state ] && [ "${words[3]}" = "$1" ]
}

# daemons STATE: the process ids of all daemons of this state folder, also those whose admin was
# killed. keepers STATE: those of what keeps its admin running.
daemons() {
  local folder
  for folder in /proc/[0-9]*; do
    if is_daemon "$1" '*' "${folder#/proc/}"; then echo "${folder#/proc/}"; fi
  done
}
keepers() {
  local folder
  for folder in /proc/[0-9]*; do
    # A keeper's own children look like it until they have become something else.
    if is_keeper "$1" "${folder#/proc/}" && ! is_keeper "$1" "$(parent_of "${folder#/proc/}")"; then
      echo "${folder#/proc/}"
    fi
  done
}
parent_of() { { sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status"; } 2>/dev/null || true; }

# end_process STATE NAME PID: asks ringfence-NAME to end, and waits for it.
end_process() {
  local until=$((SECONDS + 30))
  kill -TERM "$3" 2>/dev/null || return 0 # it has just ended
  while is_daemon "$1" "$2" "$3"; do
    if [ $SECONDS -ge $until ]; then
      say "ringfence-$2 ($3) did not end in 30 s: killing it"
      kill -KILL "$3" 2>/dev/null || true
      return 0
    fi
    sleep 0.02
  done
}

# end_left_daemons STATE: ends those that an ended admin left.
end_left_daemons() {
  local pid
  for pid in $(daemons "$1"); do end_process "$1" '*' "$pid"; done
}

# pid_of STATE: the process id of ringfence-admin of this state folder, if it runs. It writes
# its own into the file that it holds locked, so no start that fails can make us forget it.
pid_of() {
  local pid
  { read -r pid <"$1/lock"; } 2>/dev/null && is_daemon "$1" admin "$pid" && echo "$pid"
}
