# What `start` and `run` share: where things lie, installing a peer, starting it, waiting for it, stopping it.
# A peer is a folder with a `peer.sh`; see README.md.

peers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$peers/../.." && pwd)
# Installations are never made inside the source tree proper, only below target/.
work=${SCIMPROOF_PEERS:-$root/target/peers}

die() { printf 'tests/peers: %s\n' "$*" >&2; exit 2; }

peer_names() {
    local file
    for file in "$peers"/*/peer.sh; do basename "$(dirname "$file")"; done
}

# peer_load NAME: brings in BASE, TOKEN, OPTIONS, install and serve, and goes into the peer's working folder.
peer_load() {
    [[ -f $peers/$1/peer.sh ]] || die "there is no peer '$1'; there are: $(peer_names | tr '\n' ' ')"
    OPTIONS=()
    # shellcheck source=/dev/null
    source "$peers/$1/peer.sh"
    home=$work/$1
    mkdir -p "$home"
    cd "$home"
}

# peer_install NAME: installs what is not there yet. The stamp is a hash of the recipe, so a changed pin installs anew.
peer_install() {
    local recipe
    recipe=$(cat "$peers/$1"/* | sha256sum | cut -d' ' -f1)
    if [[ $(cat "$home/.installed" 2>/dev/null) != "$recipe" ]]; then
        printf 'installing %s into %s\n' "$1" "$home" >&2
        find "$home" -mindepth 1 -delete
        cp "$peers/$1"/* "$home"
        # A shell of its own: behind `||` this one would not stop at the first command that fails.
        bash -euo pipefail -c 'source ./peer.sh; install' >install.log 2>&1 || { cat install.log >&2; die "$1 cannot be installed"; }
        printf '%s\n' "$recipe" >"$home/.installed"
    fi
}

# peer_start PORT: starts the server with an empty store; sets `pid`. `serve` ends in exec, so the pid is the server's own.
peer_start() {
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
        die "port $1 is taken"
    fi
    (trap - EXIT INT TERM; serve "$1") >"$home/server.log" 2>&1 </dev/null &
    pid=$!
    url=http://127.0.0.1:$1$BASE
    local tries
    for ((tries = 0; tries < 150; tries++)); do
        if ! kill -0 "$pid" 2>/dev/null; then
            break
        fi
        if curl -fsS -o "$home/first-answer" -m 2 -H "Authorization: Bearer $TOKEN" "$url/ServiceProviderConfig" 2>/dev/null; then
            return 0
        fi
        sleep 0.2
    done
    cat "$home/server.log" >&2
    peer_stop
    die "the server does not answer at $url"
}

# peer_stop: ends the server that `pid` names, and waits until it is gone.
peer_stop() {
    [[ -n ${pid:-} ]] || return 0
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    pid=
}

# free_port: a loopback port that nobody listens on.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
