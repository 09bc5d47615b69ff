#!/usr/bin/env bash
# Runs an agent whose only way out is the gateway: on Linux, as root, without a container engine.
#
#   netns.sh --user bot --folder /srv/bot --ca ca.pem [--gateway 127.0.0.1:8081] [--env bot.env] -- COMMAND…
#
# The agent gets a network namespace with a loopback and nothing else: no other interface, address or route. On that
# loopback one port answers, the gateway's, through relay.py. It also gets processes, /run, /tmp and /dev/shm of its own
# (sockets lie there: a system's resolver answers on one), no privilege it could gain, and an environment of the proxy,
# the certificate and what is in --env: lines NAME=VALUE, one of them PROXY_LOGIN=agent:password. All of it ends together.
set -euo pipefail

die() { echo "netns.sh: $*" >&2; exit 2; }

inside() { # in the namespaces, still root: $1 user, $2 folder, $3 port, then the command; 3: the CA, 4: the environment
    local user=$1 folder=$2 port=$3 line login='' fd code=0
    shift 3
    mount -t tmpfs -o mode=755,nosuid,nodev none /run
    mkdir /run/agent
    mount --bind "$folder" /run/agent
    cat <&3 >/run/ca.pem
    while IFS= read -r line || [[ -n $line ]]; do
        case $line in
            PROXY_LOGIN=*) login=${line#*=}@ ;;
            [A-Za-z_]*=*) export "${line?}" ;;
            '' | '#'*) ;;
            *) die 'a line of --env is not NAME=VALUE' ;;
        esac
    done <&4
    export {http,https}_proxy="http://${login}127.0.0.1:$port" {HTTP,HTTPS}_PROXY="http://${login}127.0.0.1:$port"
    # What `countersign gateway env` prints, for this place of the gateway and its CA; a test compares.
    export {SSL_CERT_FILE,REQUESTS_CA_BUNDLE,CURL_CA_BUNDLE,NODE_EXTRA_CA_CERTS,GIT_SSL_CAINFO,PIP_CERT}=/run/ca.pem
    export {UV_SSL_CERT_FILE,npm_config_cafile,AWS_CA_BUNDLE,HTTPLIB2_CA_CERTS,CARGO_HTTP_CAINFO,DENO_CERT}=/run/ca.pem
    export {GRPC_DEFAULT_SSL_ROOTS_FILE_PATH,CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE}=/run/ca.pem
    export NODE_USE_ENV_PROXY=1 NO_PROXY='' no_proxy=''
    export JAVA_TOOL_OPTIONS="-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=$port -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=$port"
    export HOME=/run/agent USER="$user" LOGNAME="$user"
    cd /run/agent && unset OLDPWD
    for place in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o mode=1777,nosuid,nodev none "$place"; done
    for fd in /proc/self/fd/*; do # a socket of the outside would be a way out
        fd=${fd##*/}
        ((fd <= 2 || fd == 255)) || exec {fd}<&-
    done
    # A session of its own: it cannot type into the terminal that it was started from.
    setsid --wait setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --no-new-privs \
        --inh-caps=-all --bounding-set=-all -- "$@" || code=$?
    exit "$code"
}

if [[ ${1-} == --inside ]]; then shift; inside "$@"; fi

user='' folder='' ca='' gateway=127.0.0.1:8081 env=/dev/null
while (($#)); do
    case $1 in
        --user) user=${2-} ;; --folder) folder=${2-} ;; --ca) ca=${2-} ;; --gateway) gateway=${2-} ;; --env) env=${2-} ;;
        --) shift; break ;;
        *) die "what is $1? $(sed -n 4p "$0")" ;;
    esac
    shift 2 || die 'an option without its value'
done
(($#)) && [[ -n $user && -n $folder && -n $ca ]] || die "$(sed -n 4p "$0")"
((EUID == 0)) || die 'only root makes namespaces'
[[ $(id -u "$user") != 0 ]] || die 'the agent must not be root'
[[ -d $folder ]] || die "there is no folder $folder"
exec 3<"$ca" 4<"$env"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=countersign-$$
cleanup() { # whoever still runs in there, then the relay, whose socket keeps the namespace
    ip netns pids "$name" | xargs -r kill -KILL || true # who is gone already is no reason to stop here
    [[ -z ${relay_PID-} ]] || kill "$relay_PID" || true
    ip netns delete "$name"
} 2>/dev/null
ip netns add "$name"
trap cleanup EXIT
ip -n "$name" link set lo up
coproc relay { exec python3 -I "$here/relay.py" "$name" "$gateway"; }
read -r -u "${relay[0]}" port || die 'the relay did not start'

# In the background, because a shell that waits for a command hears no signal; that it would ignore Ctrl-C there is undone.
trap 'exit 130' INT
trap 'exit 143' TERM HUP
code=0
ip netns exec "$name" env -i --default-signal PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 \
    TERM="${TERM-dumb}" setpriv --pdeathsig KILL unshare --mount --pid --ipc --fork --kill-child --mount-proc \
    bash "$here/netns.sh" --inside "$user" "$folder" "$port" "$@" <&0 &
wait $! || code=$?
exit "$code"
