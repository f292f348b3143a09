#!/usr/bin/env bash
# Installs the Debian packages that building, demo and tests use; without root it names them.
set -euo pipefail

# package = a file of it
needed=(
    "gcc=/usr/bin/gcc"
    "libc6-dev=/usr/include/stdio.h"
    "openssl=/usr/bin/openssl"
    "opensc=/usr/bin/pkcs11-tool"
    "openssh-client=/usr/bin/ssh-keygen"
    "softhsm2=/usr/bin/softhsm2-util"
    "nginx=/usr/sbin/nginx"
    "libengine-pkcs11-openssl=/usr/lib/$(uname -m)-linux-gnu/engines-3/pkcs11.so"
    "curl=/usr/bin/curl"
    "p11-kit=/usr/bin/p11-kit"
    "$@" # what one command needs beyond this
)

missing=()
for entry in "${needed[@]}"; do
    [ -e "${entry#*=}" ] || missing+=("${entry%%=*}")
done
if ! command -v cargo >/dev/null; then
    echo "Rust is missing: install the toolchain that rust-toolchain.toml names (https://rustup.rs)" >&2
    exit 2
fi
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "These Debian packages are missing; install them as root: apt-get install ${missing[*]}" >&2
    exit 2
fi
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# A package's service (nginx) is not started by its installation in a container; should it be, port 80
# may be taken, which is no reason to stop here.
{ apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"; } >/dev/null || {
    echo "apt-get could not install: ${missing[*]}" >&2
    exit 2
}
