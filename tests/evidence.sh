#!/bin/sh
# Runs the stories of docs/evidence.md, claim by claim, and prints which passed.
set -eu
cd "$(dirname "$0")/.."
cargo test --workspace --all-features --test it --no-run
log=$(mktemp)
trap 'rm -f "$log" "$log.rows" "$log.stories"' EXIT
failed=0
cargo test --quiet --workspace --all-features --test it -- --list --format terse >"$log.stories"
printf '%-110s %s\n' claim result
sed -n '/^## What it costs/q; /^| .*`/p' docs/evidence.md >"$log.rows"
# Each name is a module of stories.
while IFS= read -r row; do
    row=${row% |}
    claim=$(printf '%s' "${row% | *}" | sed 's/^| //; s/\*\*//g; s/\[\([^]]*\)\]([^)]*)/\1/g' | cut -c1-108)
    stories=$(printf '%s' "${row##* | }" | tr '`' ' ')
    all=
    for story in $stories; do
        all="$all $(sed -n "s/^\($story::.*\): test\$/\1/p" "$log.stories" | tr '\n' ' ')"
    done
    # shellcheck disable=SC2086
    if cargo test --quiet --workspace --all-features --test it -- --exact $all >"$log" 2>&1; then
        result="$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1 passed/p' "$log")"
    else
        result=FAILED
        failed=1
        cat "$log" >&2
    fi
    printf '%-110s %s\n' "$claim" "$result"
done <"$log.rows"
exit $failed
