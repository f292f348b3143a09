#!/usr/bin/env bash
# The README's two commands in a Debian 12 that has nothing but them: debootstrap, a clone of HEAD,
# this host's Rust toolchain, then `make demo` and `make test` inside.
#
# MIRROR  Debian mirror (default http://deb.debian.org/debian)
# KEEP=1  leaves the tree behind
set -euo pipefail
cd "$(dirname "$0")/../.."

[ "$(id -u)" = 0 ] || { echo "make fresh needs root: debootstrap and chroot" >&2; exit 2; }
if ! command -v debootstrap >/dev/null; then
    apt-get update -q >/dev/null && apt-get install -q -y --no-install-recommends debootstrap >/dev/null
fi

tree=$(mktemp -d "${TMPDIR:-/var/tmp}/counterfoil-fresh.XXXXXX")
# mktemp makes it 0700; as the root folder of a Debian, users other than root must be able to enter it.
chmod 755 "$tree"
toolchain=$(rustc --print sysroot)

clean_up() {
    # What a failed test left running inside keeps the mounts busy.
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/root" || true)" != "$tree" ] || kill -KILL "${process#/proc/}" || true
    done
    for place in "$tree/opt/rust" "$tree/dev" "$tree/proc"; do
        if mountpoint -q "$place"; then umount -R -l "$place"; fi
    done
    # A mount that is left must not be emptied.
    if [ "${KEEP:-0}" != 1 ] && ! grep -q " $tree/" /proc/mounts; then
        rm -rf --one-file-system "$tree"
    fi
}
trap clean_up EXIT

echo "== Debian 12 into $tree"
debootstrap --variant=minbase --include=ca-certificates,git,make bookworm "$tree" \
    "${MIRROR:-http://deb.debian.org/debian}" >"$tree.log" 2>&1 || { tail -n 20 "$tree.log" >&2; exit 1; }
rm -f "$tree.log"

# How this host reaches its package sources.
for file in /etc/apt/apt.conf.d /etc/apt/sources.list.d/debian.sources /etc/resolv.conf /etc/hosts \
    /etc/ssl/certs /usr/local/share/ca-certificates; do
    [ -e "$file" ] || continue
    mkdir -p "$tree$(dirname "$file")"
    cp -aL "$file" "$tree$(dirname "$file")/" 2>/dev/null || true
done
[ ! -e "$tree/etc/apt/sources.list.d/debian.sources" ] || : >"$tree/etc/apt/sources.list"
# Nothing that is installed inside may start a service.
printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
chmod 755 "$tree/usr/sbin/policy-rc.d"

mkdir -p "$tree/opt/rust" "$tree/root/.cargo"
mount --bind "$toolchain" "$tree/opt/rust"
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev" && mount --make-rslave "$tree/dev"
for config in config config.toml; do
    [ ! -f "$HOME/.cargo/$config" ] || cp "$HOME/.cargo/$config" "$tree/root/.cargo/"
done
git clone -q . "$tree/root/counterfoil"

inside() {
    local settings=(HOME=/root LANG=C.UTF-8 PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin)
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY SSL_CERT_FILE CARGO_NET_OFFLINE; do
        [ -z "${!name:-}" ] || settings+=("$name=${!name}")
    done
    chroot "$tree" /usr/bin/env -i "${settings[@]}" bash -ec "cd /root/counterfoil && $1"
}
for target in demo test; do
    echo "== make $target"
    start=$SECONDS
    inside "make $target"
    echo "== make $target took $((SECONDS - start)) s"
done
echo "== both pass from a fresh clone of $(git rev-parse --short HEAD) in a fresh Debian 12"
