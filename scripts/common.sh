# shellcheck shell=bash
#
# Finds, or installs where it may, what the scripts of this project need. To be sourced by bash.
# Messages go to stderr. A function that cannot help says in one sentence what would.

# The build is checked with this one, and stops on any other.
readonly jdk_wanted=25

say() {
  printf '%s\n' "$*" >&2
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# run COMMAND ...: as if by exec, but this shell lives on, for what it has to do afterwards. Signals that it
# gets reach the command.
run() {
  local pid status=0
  # A shell has what runs beside it ignore the terminal's signals, and so would all that it starts.
  (
    trap - INT QUIT
    exec "$@"
  ) &
  pid=$!
  trap 'kill "$pid" 2>/dev/null' HUP INT TERM
  wait "$pid" || status=$?
  # A signal ends the waiting, not the command.
  while kill -0 "$pid" 2>/dev/null; do
    wait "$pid" || status=$?
  done
  trap - HUP INT TERM
  return "$status"
}

# Prints the version of the JDK in a folder, from its release file; fails when it is not a JDK.
jdk_version() {
  [[ -x $1/bin/javac && -r $1/release ]] || return
  sed -n 's/^JAVA_VERSION="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$1/release"
}

# Makes a fitting JDK the one that Maven and everything else here uses: JAVA_HOME and PATH.
find_jdk() {
  local candidates=("${JAVA_HOME:-}") home version
  if have javac; then
    home=$(readlink -f -- "$(command -v javac)")
    candidates+=("${home%/bin/javac}")
  fi
  candidates+=(/usr/lib/jvm/*)
  for home in "${candidates[@]}"; do
    version=$(jdk_version "$home") || continue
    if [[ ${version%%[!0-9]*} == "$jdk_wanted" ]]; then
      export JAVA_HOME=$home PATH=$home/bin:$PATH
      return
    fi
  done
  say "No JDK $jdk_wanted found in JAVA_HOME, on PATH or under /usr/lib/jvm:" \
    "get one from https://adoptium.net/temurin (or 'apt install openjdk-$jdk_wanted-jdk'," \
    "where your system has it) and set JAVA_HOME to its folder."
  exit 2
}

find_maven() {
  # Maven's own libraries make JDK 25 print warnings at every start.
  local quiet='--sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED'
  export MAVEN_OPTS="$quiet ${MAVEN_OPTS:-}"
  have mvn && return
  apt_install maven && have mvn && return
  say "Maven is needed for the build: install the package 'maven', or put 'mvn' on PATH."
  exit 2
}

# ss-local and ss-server, the hosts that the plugin is tried with.
need_shadowsocks() {
  have ss-local && have ss-server && return
  if [[ -x /usr/bin/ss-local && -x /usr/bin/ss-server ]]; then
    PATH=$PATH:/usr/bin
    return
  fi
  apt_install shadowsocks-libev && have ss-local && have ss-server && return
  say "ss-local and ss-server are needed: install the package 'shadowsocks-libev'," \
    'or put them on PATH.'
  return 1
}

# tor, and what puts it into a network of its own.
need_tor() {
  have tor || apt_install tor
  have ip || apt_install iproute2
  have tor && have ip && have unshare && have nsenter && return
  say "tor, ip, unshare and nsenter are needed: install the packages 'tor', 'iproute2' and" \
    "'util-linux', or put them on PATH."
  return 1
}

need_curl() {
  have curl && return
  apt_install curl && have curl && return
  say "curl is needed: install the package 'curl'."
  return 1
}

# apt_install PACKAGE: installs it where apt-get is there and may do it without a question.
apt_install() {
  local package=$1 as_root=()
  have apt-get || return
  if ((EUID != 0)); then
    sudo -n true 2>/dev/null || return
    as_root=(sudo -n)
  fi
  say "Installing $package with apt-get ..."
  "${as_root[@]}" bash -s -- "$package" >&2 <<'ROOT'
set -u
package=$1
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d

# Debian starts the service of a package that it installs, which nobody asked for here. (101: no.)
if [ ! -e "$policy" ]; then
  printf '%s\n' '#!/bin/sh' '# Of a ./quickstart or ./verify of pt-adapter: may be deleted.' \
    'exit 101' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
fi

get() {
  apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

apt-cache show "$package" >/dev/null 2>&1 || get update
log=$(mktemp)
if ! get install --no-install-recommends "$package" >"$log" 2>&1; then
  # The list may be older than the archive.
  get update && get install --no-install-recommends "$package" >"$log" 2>&1
fi
status=$?
[ "$status" = 0 ] || tail -n 20 "$log"
rm -f "$log"

# ... nor at the next boot.
if [ "$status" = 0 ] && [ -d /run/systemd/system ]; then
  systemctl disable --quiet "$package.service" 2>/dev/null
fi
exit "$status"
ROOT
}
