#!/usr/bin/env bash
# The main job, end to end: a 2-of-3 cluster on loopback, a key that is born shared, signatures that
# OpenSSL verifies, one node killed, and nginx serving TLS with a key that no machine holds.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=${COUNTERFOIL_BIN:-target/debug}
work=$(mktemp -d "${TMPDIR:-/tmp}/counterfoil-demo.XXXXXX")
pin=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
so_pin=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
nginx_pid=

clean_up() {
    status=$?
    [ -z "$nginx_pid" ] || { kill "$nginx_pid" 2>/dev/null && wait "$nginx_pid" 2>/dev/null; } || true
    if [ "$status" != 0 ]; then
        echo "The demo failed. Last lines of the logs:" >&2
        tail -n 5 "$work"/lab/node*/log "$work"/lab/client/client.log "$work"/nginx/error.log >&2 2>/dev/null || true
    fi
    [ ! -f "$work/lab/manifest.toml" ] || "$bin/counterfoil" lab down --dir "$work/lab" 2>/dev/null || true
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT

now_ms() { echo $(($(date +%s%N) / 1000000)); }
# step TEXT COMMAND...: runs it, says how long it took, shows its output only if it failed.
step() {
    local text=$1 start status=0
    shift
    start=$(now_ms)
    "$@" >"$work/step.log" 2>&1 || status=$?
    printf '%-74s %6d ms\n' "$text" $(($(now_ms) - start))
    [ "$status" = 0 ] || { cat "$work/step.log" >&2; return "$status"; }
}

echo "== A cluster of three nodes; any two of them serve every key"
start=$(now_ms)
exports=$("$bin/counterfoil" lab up --dir "$work/lab" --token demo --so-pin "$so_pin" --pin "$pin")
eval "$exports"
printf '%-74s %6d ms\n' "three nodes serve, client enrolled, token initialised" $(($(now_ms) - start))

token() { pkcs11-tool --module "$PKCS11_MODULE" --token-label demo --login --pin "$pin" "$@"; }
sign() { token --sign --mechanism ECDSA-SHA256 --label file-key --signature-format openssl --input-file "$1" --output-file "$1.sig"; }
verify() { openssl dgst -sha256 -verify "$work/public.pem" -signature "$1.sig" "$1"; }

echo "== pkcs11-tool makes a P-256 key; each node gets a share, nobody ever has the key"
step "C_GenerateKeyPair by all three nodes" \
    token --keypairgen --key-type EC:prime256v1 --label file-key --id 01 --usage-sign
# Not by pkcs11-tool: Debian 12's reads an EC key's curve from memory that it has freed, and mostly fails.
read_public_key() { ssh-keygen -D "$PKCS11_MODULE" | grep ' file-key$' >"$work/public.ssh"; }
step "public key read with ssh-keygen" read_public_key
ssh-keygen -e -m PKCS8 -f "$work/public.ssh" >"$work/public.pem"

echo "== A file is signed by two nodes together"
head -c 100000 /dev/urandom >"$work/letter"
step "signed with pkcs11-tool (login, signature)" sign "$work/letter"
step "openssl dgst -verify: $(verify "$work/letter")" verify "$work/letter"

echo "== Node 1 is killed (SIGKILL)"
"$bin/counterfoil" lab kill 1 --dir "$work/lab"
echo "another letter" >"$work/letter2"
step "signed again, by nodes 2 and 3" sign "$work/letter2"
step "openssl dgst -verify: $(verify "$work/letter2")" verify "$work/letter2"
step "node 1 started again, and caught up" "$bin/counterfoil" lab start 1 --dir "$work/lab"

echo "== nginx serves TLS through libengine-pkcs11-openssl, two workers"
mkdir "$work/nginx"
step "TLS key made in the cluster" token --keypairgen --key-type EC:prime256v1 --label tls-key --id 02 --usage-sign
# nginx reads the client key as its master's user, and again as its workers' user, in each worker: a
# worker initialises the library anew after it has dropped its privileges. So the workers' user must
# own client.key (mode 0600) and reach client.toml and the manifest; the master, as root, can anyway.
user=$(id -un)
client=$(dirname "$COUNTERFOIL_CONFIG")
if [ "$(id -u)" = 0 ]; then
    user=www-data
    chown -R "$user" "$client"
    chmod 711 "$work" "$COUNTERFOIL_LAB"
fi
echo "the client key $client/client.key is read by nginx's master, user $(id -un), and by its workers, user $user"
cat >"$work/openssl.cnf" <<END
openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
MODULE_PATH = $PKCS11_MODULE
init = 1
[req]
distinguished_name = name
[name]
END
export OPENSSL_CONF="$work/openssl.cnf"
key="pkcs11:token=demo;object=tls-key;type=private?pin-value=$pin"
step "self-signed certificate, signed by the cluster" \
    openssl req -new -x509 -engine pkcs11 -keyform engine -key "$key" -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -days 2 -out "$work/nginx/certificate.pem"

port=$((20000 + RANDOM % 10000))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((20000 + RANDOM % 10000)); done
# nginx clears the environment of its workers but for what `env` names.
cat >"$work/nginx/nginx.conf" <<END
worker_processes 2;
$([ "$(id -u)" != 0 ] || echo "user $user;")
daemon off;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
env COUNTERFOIL_CONFIG;
env OPENSSL_CONF;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $work/nginx/body; proxy_temp_path $work/nginx/proxy;
    fastcgi_temp_path $work/nginx/fastcgi; uwsgi_temp_path $work/nginx/uwsgi; scgi_temp_path $work/nginx/scgi;
    server {
        listen 127.0.0.1:$port ssl;
        server_name localhost;
        ssl_certificate $work/nginx/certificate.pem;
        ssl_certificate_key "engine:pkcs11:$key";
        location / { default_type text/plain; return 200 "served with a key that no machine holds\n"; }
    }
}
END
/usr/sbin/nginx -e "$work/nginx/error.log" -c "$work/nginx/nginx.conf" &
nginx_pid=$!
fetch() { env -u OPENSSL_CONF curl -sS --fail --max-time 10 --cacert "$work/nginx/certificate.pem" "https://localhost:$port/" --resolve "localhost:$port:127.0.0.1"; }
up=
for _ in $(seq 100); do
    kill -0 "$nginx_pid" 2>/dev/null || break
    if fetch >/dev/null 2>&1; then up=1; break; fi
    sleep 0.1
done
[ -n "$up" ] || { echo "nginx does not serve" >&2; exit 1; }
echo "nginx serves: master $nginx_pid, workers $(cat "/proc/$nginx_pid/task/$nginx_pid/children")"
for number in 1 2 3 4; do
    step "curl fetches a page, handshake $number: $(fetch)" fetch
done

echo "== The nodes' own account"
env -u OPENSSL_CONF "$bin/counterfoil" status --config "$COUNTERFOIL_CONFIG"
echo "== Done: everything above ran against real processes; cleaning up"
