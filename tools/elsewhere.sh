#!/usr/bin/env bash
# Runs tests as on another machine: `deno task test:elsewhere [files]`. The user is nobody, with a
# home that is read-only, 256 descriptors, one core and colours forced; the clone's path has a space
# and an umlaut; there is no git, no IPv6 and no network; an epmd is on port 4369; a folder of the PATH
# cannot be read. Needs root, for the user and the network namespace. The arguments are those of
# `deno task test`.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ((EUID != 0)); then
  echo "Cannot run: another user and another network need root; run it as root" >&2
  exit 2
fi

folder=$(mktemp -d "/tmp/an ümlaut XXXXXX")
trap 'rm -rf "$folder"' EXIT
cache=$(deno info --json | deno eval \
  'console.log(JSON.parse(await new Response(Deno.stdin.readable).text()).denoDir)')
git clone --quiet --no-hardlinks . "$folder/clone"
mkdir "$folder"/{home,bin,closed,cache,tmp}
# Packages come from the cache, as there is no network.
for each in npm remote; do
  if [[ -d "$cache/$each" ]]; then cp -r "$cache/$each" "$folder/cache"; fi
done
# All programs but git.
IFS=: read -ra paths <<<"$PATH"
for path in "${paths[@]}"; do
  find -L "$path" -maxdepth 1 -type f -perm -1 ! -name 'git*' -print0 2>/dev/null |
    while IFS= read -r -d '' program; do
      [[ -e "$folder/bin/${program##*/}" ]] || ln -s "$program" "$folder/bin/"
    done || true
done
chmod 755 "$folder"
chmod 700 "$folder/closed"
chown -R nobody "$folder"/{clone,cache,tmp}

export folder
unshare --net --pid --fork --mount-proc bash -c '
  sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip link set lo up
  ulimit -n 256
  cd "$folder/clone"
  epmd -daemon
  exec taskset -c 0 setpriv --reuid=nobody --regid=nogroup --clear-groups env -i \
    "HOME=$folder/home" "PATH=$folder/closed:$folder/bin" "DENO_DIR=$folder/cache" \
    "TMPDIR=$folder/tmp" FORCE_COLOR=1 DENO_NO_UPDATE_CHECK=1 LANG=C.UTF-8 \
    deno task test "$@"' elsewhere "$@"
