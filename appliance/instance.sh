# What appliance/run, keep and sh share: where an instance lives, whether it runs, and ending it.
# Sourced, never run. Uses: $top.

default_state=${XDG_STATE_HOME:-$HOME/.local/state}/ringfence
programs=${RINGFENCE_PROGRAMS:-$top/build/release/bin} # another build's bin folder, for tests

say() { printf '==> %s\n' "$*"; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
misuse() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 2; }

# absolute PATH: the path from /, whether it exists or not.
absolute() { realpath -m -- "$1"; }

# way_flaw PATH: one sentence when another user could lead a path to another folder, now or between two
# starts; nothing when nobody can. The daemons ask the same (core/base/state_folder.h): each folder above
# it, links resolved, is root's or ours and writable for nobody else unless it is sticky, as /tmp is;
# each link is root's or ours. What does not exist yet is fine.
way_flaw() {
  local rest=$1 here=/ next part owner group mode links=0 own
  own=$(id -u)
  case $rest in /*) ;; *) rest=$(pwd -P)/$rest ;; esac
  while [ -n "$rest" ]; do
    part=${rest%%/*}
    case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
    case $part in '' | .) continue ;; ..) here=$(dirname -- "$here"); continue ;; esac
    next=${here%/}/$part
    [ -e "$next" ] || [ -L "$next" ] || return 0
    read -r owner group mode < <(stat -c '%u %g %a' -- "$next")
    if [ -L "$next" ]; then
      if [ "$owner" != 0 ] && [ "$owner" != "$own" ]; then
        echo "$next is a symbolic link of user $owner, who could lead it elsewhere: name the folder itself"
        return 0
      fi
      links=$((links + 1))
      if [ $links -gt 40 ]; then
        echo "$1 leads through too many symbolic links: name the folder itself"
        return 0
      fi
      part=$(readlink -- "$next")
      case $part in /*) here=/ ;; esac
      rest=$part${rest:+/$rest}
      continue
    fi
    [ -n "${rest//[\/.]/}" ] || return 0 # the folder itself: require_safe
    here=$next
    if [ "$owner" != 0 ] && [ "$owner" != "$own" ]; then
      echo "$here belongs to user $owner, who could exchange what is in it: keep the state where every folder above it is root's or yours"
      return 0
    fi
    mode=$((0$mode))
    [ $((mode & 01000)) -eq 0 ] || continue
    # A group that only its user is in, as many systems make one, is nobody else.
    case $group in 0 | "$own") mode=$((mode & ~0020)) ;; esac
    if [ $((mode & 0022)) -ne 0 ]; then
      echo "$here can be changed by other users, who could exchange what is in it: chmod go-w $here"
      return 0
    fi
  done
}

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
