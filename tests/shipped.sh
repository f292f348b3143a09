#!/usr/bin/env bash
# Shows that the built binaries hold no switch for planted bugs: the marker that stands in every build with
# feature `sim` is in the simulation's test binary and in none that is shipped. Nor has any of them the answers of the
# tests' lying node.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}/${PROFILE:-debug}
marker=$(sed -n 's/^pub const MARKER: &str = "\(.*\)";$/\1/p' mpc-backend/engine/src/bugs.rs)
[ -n "$marker" ] || { echo "mpc-backend/engine/src/bugs.rs names no marker" >&2; exit 1; }

liar=$(sed -n 's/^const MARKER: &str = "\(.*\)";$/\1/p' tests/src/bin/liar.rs)
[ -n "$liar" ] || { echo "tests/src/bin/liar.rs names no marker" >&2; exit 1; }

control=$(ls -t "${CARGO_TARGET_DIR:-target}"/debug/deps/cluster-* | awk '!/\.d$/ && !found { print; found = 1 }')
grep -qaF "$marker" "$control" || { echo "the search finds nothing in $control either" >&2; exit 1; }
grep -qaF "$liar" "$target/liar" || { echo "the search finds nothing in $target/liar either" >&2; exit 1; }
for binary in counterfoil-node counterfoil counterfoil-kms libcounterfoil_pkcs11.so; do
    [ -f "$target/$binary" ] || { echo "$target/$binary is not built" >&2; exit 1; }
    if grep -qaF "$marker" "$target/$binary"; then
        echo "$target/$binary was built with feature sim" >&2
        exit 1
    fi
    if grep -qaF "$liar" "$target/$binary"; then
        echo "$target/$binary can lie" >&2
        exit 1
    fi
done
echo "no planted bugs and no lies in $target: counterfoil-node, counterfoil, counterfoil-kms, libcounterfoil_pkcs11.so"
