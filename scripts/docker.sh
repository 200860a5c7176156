# shellcheck shell=bash
#
# A Docker for the tests. To be sourced by bash, after common.sh. A Docker that answers is used as it is.
# Else, as root on Debian, a private one is started: its images stay in the cache, its containers are in a
# network namespace of its own, out of which nothing leads, and it ends with the last one that uses it.
#
#   need_docker    sets the environment for Testcontainers; fails, with a reason, where it cannot help
#   end_docker     ends the private one, if nobody else uses it
#   need_compose   docker-compose, for the tests of the example

readonly docker_data=${XDG_CACHE_HOME:-$HOME/.cache}/pt-adapter/docker
# Short, as a socket's path has no room for more than 107 bytes.
readonly docker_run=/run/pt-adapter-docker
readonly docker_socket=unix://$docker_run/docker.sock

# What the tests use in containers; the image for users installs its share of it where it is missing.
readonly docker_packages=ca-certificates,curl,iproute2,iptables,nginx,procps,shadowsocks-libev

# answers [HOST]: does a Docker answer, there or where the environment says?
answers() {
  DOCKER_HOST=${1:-${DOCKER_HOST:-}} timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

need_docker() {
  local suite
  if have docker && answers; then
    return
  fi
  if ((EUID != 0)) || ! suite=$(. /etc/os-release && [[ $ID == debian ]] && printf '%s' "$VERSION_CODENAME"); then
    say 'No Docker answers. Start one and let this user use it; only root on Debian gets a private one.'
    return 1
  fi
  have dockerd || apt_install docker.io || return
  have docker || apt_install docker-cli || return
  mkdir -p "$docker_data" "$docker_run"
  # One at a time sets it up; all who use it hold the second lock.
  exec {docker_setup}>"$docker_run/setup.lock" {docker_use}>"$docker_run/use.lock"
  flock -w 900 "$docker_setup" || return
  flock --shared "$docker_use"
  if ! { start_dockerd && make_base "$suite" && remove_leftovers; }; then
    exec {docker_setup}>&-
    end_docker
    return 1
  fi
  exec {docker_setup}>&-
}

need_compose() {
  docker compose version >/dev/null 2>&1 || have docker-compose || apt_install docker-compose
}

# Sets the environment of the private Docker when it is up.
start_dockerd() {
  local try pid
  # A containerd that is still ending after a crash makes the first fail.
  for try in first second; do
    answers "$docker_socket" && break
    rm -f "$docker_run/docker.pid"
    setsid unshare --net sh -c 'ip link set lo up && exec "$@"' sh dockerd \
      --host "$docker_socket" --data-root "$docker_data" --exec-root "$docker_run/exec" \
      --pidfile "$docker_run/docker.pid" --log-level warn \
      </dev/null >>"$docker_run/dockerd.log" 2>&1 {docker_setup}>&- {docker_use}>&- &
    pid=$!
    until answers "$docker_socket"; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.2
    done
  done
  if ! answers "$docker_socket"; then
    tail -n 15 "$docker_run/dockerd.log" >&2
    say "dockerd does not come up after the $try try: see above."
    return 1
  fi
  # Without Ryuk, which would be pulled from a registry, each run takes away what it has made; and where
  # the containers are is no question to ask a container.
  export DOCKER_HOST=$docker_socket TESTCONTAINERS_RYUK_DISABLED=true \
    TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1
}

# make_base SUITE: Debian with the packages, from the sources that this machine has.
make_base() {
  local suite=$1 sources folder name
  name=pt-adapter-base:$suite-$(cksum <<<"$docker_packages" | cut -d ' ' -f 1)
  export PT_ADAPTER_BASE_IMAGE=$name
  docker image inspect "$name" >/dev/null 2>&1 && return
  have mmdebstrap || apt_install mmdebstrap || return
  # shellcheck disable=SC2016 # apt-get fills it in
  sources=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' | sort -u)
  say "Making a Debian $suite for the containers, once ..."
  # In memory where there is room: dpkg syncs every file.
  folder=$(mktemp -d "$([[ -w /dev/shm ]] && echo /dev/shm || echo /tmp)/pt-adapter-base.XXXXXX")
  if ! TMPDIR=$folder mmdebstrap --quiet --variant=minbase --include="$docker_packages" "$suite" \
    "$folder/base.tar" ${sources:+-} <<<"$sources" >"$docker_run/base.log" 2>&1; then
    rm -rf "$folder"
    tail -n 15 "$docker_run/base.log" >&2
    say 'mmdebstrap could not make a Debian: see above.'
    return 1
  fi
  docker import "$folder/base.tar" "$name" >/dev/null
  rm -rf "$folder"
}

# What earlier runs have left, unless another one is going on.
remove_leftovers() {
  flock --exclusive --nonblock "$docker_use" || {
    flock --shared "$docker_use"
    return 0
  }
  docker ps -aq --filter label=org.testcontainers=true | xargs -r docker rm -fv >/dev/null
  docker network prune -f --filter label=org.testcontainers=true >/dev/null
  # Those of today make the next run quicker.
  docker image prune -af --filter label=org.testcontainers=true --filter until=24h >/dev/null
  flock --shared "$docker_use"
}

end_docker() {
  local pid
  [[ -n ${docker_use:-} ]] || return 0
  if flock --exclusive --nonblock "$docker_use" && answers "$docker_socket"; then
    pid=$(cat "$docker_run/docker.pid")
    if [[ $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]]; then
      # It ends its containers, its containerd and then itself.
      kill "$pid"
      timeout 60 tail --pid="$pid" -f /dev/null || say "dockerd, process $pid, does not end."
    else
      say "The Docker at $docker_socket goes on: it is not in this process namespace."
    fi
  fi
  exec {docker_use}>&-
  docker_use=''
}
