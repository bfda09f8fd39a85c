#!/usr/bin/env bash
# Five nodes on loopback: puts FILE through the first with progress, kills that node, starts a
# sixth, empty one, gets the file through it and compares. Fails unless the bytes are the same and
# at least three peers served 10 % each; a FILE too small to be shared so is only compared.
# usage: demo.sh [FILE] [--keep]   (./dev demo builds first; L2P_BUILD names another build folder)
set -euo pipefail

readonly share=10 # Percent that each of three peers must serve.
# The nearest holder alone sends less than this before the others are connected.
readonly shared_from=$((64 << 20))

usage() {
  cat <<'TEXT'
usage: ./dev demo [FILE] [--keep]
  FILE     what to put; default: 256 MiB of seeded bytes that do not compress
  --keep   leave the swarm running, and say how to talk to it
TEXT
}

file='' keep=''
for word in "$@"; do
  case $word in
    --keep) keep=1 ;;
    --help|-h) usage; exit 0 ;;
    -*) echo "demo: unknown option '$word'" >&2; usage >&2; exit 2 ;;
    *)
      [[ -z $file ]] || { echo "demo: only one FILE can be put" >&2; usage >&2; exit 2; }
      [[ -e $word ]] || { echo "demo: there is no file '$word'" >&2; exit 2; }
      [[ -f $word && -r $word ]] ||
        { echo "demo: '$word' is not a file that can be read" >&2; exit 2; }
      file=$(realpath -- "$word")
      ;;
  esac
done

cd "$(dirname "$0")/../.."
build=${L2P_BUILD:-$PWD/build/release}
bin=$build/bin
[[ -x $bin/l2pkernel && -x $bin/l2p && -x $build/tests/seeded_file ]] ||
  { echo "demo: $build is not built: run ./dev build" >&2; exit 2; }
export LC_ALL=C # Numbers with a point, whatever the locale.

work=$(mktemp -d "${TMPDIR:-/tmp}/l2p-demo.XXXXXX")
declare -A pids=() peers=() addresses=()

fail() {
  echo "demo: FAILED: $*" >&2
  for log in "$work"/node*/log; do
    [[ -s $log ]] && { echo "demo: the end of the log of $(basename "$(dirname "$log")"):"; tail -5 "$log"; } >&2
  done
  exit 1
}

finish() {
  local status=$?
  trap - EXIT INT TERM
  if [[ $status -eq 0 && -n $keep ]]; then return; fi
  kill -KILL "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

now() { date +%s%N; }
seconds() { awk "BEGIN { printf \"%.2f\", ($2 - $1) / 1e9 }"; }
rate() { awk "BEGIN { printf \"%.0f MB/s\", $1 / 1e6 / ($2 > 0.001 ? $2 : 0.001) }"; }
mib() { awk "BEGIN { printf \"%.1f MiB\", $1 / 1048576 }"; }
field() { sed "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/" <<<"$2"; } # NAME JSON
api() { echo "$work/node$1/admin.sock"; }

start_node() { # NUMBER [BOOTSTRAP]
  local folder=$work/node$1
  mkdir "$folder"
  # In a session of its own: Ctrl-C is for this script, and --keep outlives the terminal.
  setsid "$bin/l2pkernel" -c config/swarm/node.properties data.dir="$folder" \
    storage.quota="$quota" placement.quota_per_peer="$quota" network.bootstrap="${2:-}" \
    >"$folder/ready" 2>"$folder/log" </dev/null &
  pids[$1]=$!
}

await_ready() { # NUMBER
  local line
  for _ in $(seq 300); do
    if line=$(grep -m1 '^ready ' "$work/node$1/ready"); then
      peers[$1]=$(sed 's/.* peer=\([^ ]*\).*/\1/; s/^ready peer=\([^ ]*\).*/\1/' <<<"$line")
      addresses[$1]=$(sed 's/.* listen=\([^ ,]*\).*/\1/' <<<"$line")
      return
    fi
    kill -0 "${pids[$1]}" 2>/dev/null || fail "node $1 did not start"
    sleep 0.1
  done
  fail "node $1 was not ready within 30 s"
}

await_peers() { # NUMBER COUNT
  for _ in $(seq 300); do
    [[ $("$bin/l2p" --api "$(api "$1")" peers --json | grep -o '"peer":\|"id":' | wc -l) -ge $2 ]] &&
      return
    sleep 0.1
  done
  fail "node $1 did not find $2 peers within 30 s"
}

number_of() { # PEER
  local number
  for number in "${!peers[@]}"; do
    if [[ ${peers[$number]} == "$1" ]]; then echo "node $number"; return; fi
  done
  echo "an unknown peer"
}

if [[ -z $file ]]; then
  file=$work/file
  "$build/tests/seeded_file" $((256 << 20)) 1 >"$file"
fi
bytes=$(stat -c %s -- "$file")
# A node holds all copies that may fall to it: its share of the file and room for the rest.
quota=$(((bytes >> 20) * 2 + 1024))MiB
patience=$((120 + bytes / 1000000)) # Seconds that a put or a get may take.

start_node 1
await_ready 1
for number in 2 3 4 5; do start_node "$number" "${addresses[1]}"; done
for number in 2 3 4 5; do await_ready "$number"; done
await_peers 1 4
echo "demo: five nodes on loopback; putting $(mib "$bytes") through node 1"

begin=$(now)
put=$(timeout "$patience" "$bin/l2p" --api "$(api 1)" --json put "$file") || fail "the put failed"
end=$(now)
put_time=$(seconds "$begin" "$end")
id=$(field id "$put")

{ kill -KILL "${pids[1]}" && wait "${pids[1]}"; } 2>/dev/null || true
unset "pids[1]"

start_node 6 "${addresses[2]},${addresses[3]}"
await_ready 6
begin=$(now)
got=$(timeout "$patience" "$bin/l2p" --api "$(api 6)" --json get "$id" -o "$work/got") ||
  fail "the get failed"
end=$(now)
get_time=$(seconds "$begin" "$end")

begin=$(now)
cp --reflink=never -- "$file" "$work/copied"
sync "$work/copied"
end=$(now)
cp_time=$(seconds "$begin" "$end")
rm "$work/copied"

put_sum=$(sha256sum <"$file" | cut -d' ' -f1)
got_sum=$(sha256sum <"$work/got" | cut -d' ' -f1)

echo "demo: put   $(rate "$bytes" "$put_time") ($put_time s), $(field copies "$put") copies acknowledged by other nodes; id $id"
echo "demo: kill  node 1 ended by SIGKILL, node 6 started empty"
echo "demo: get   $(rate "$bytes" "$get_time") ($get_time s) through node 6"
echo "demo: cp    $(rate "$bytes" "$cp_time") ($cp_time s) for a local copy of the file with sync, for comparison"
shares=0
total=0
while read -r peer served; do
  percent=$(awk "BEGIN { printf \"%.1f\", 100 * $served / ($bytes > 0 ? $bytes : 1) }")
  [[ $((served * 100)) -ge $((bytes * share)) && $served -gt 0 ]] && shares=$((shares + 1))
  total=$((total + served))
  echo "demo:       $(number_of "$peer") served $(mib "$served") ($percent %)"
done < <(grep -o '{[^{}]*"peer":[^{}]*}' <<<"$got" |
  while read -r served; do echo "$(field peer "$served") $(field bytes "$served")"; done | sort -k2 -rn)
echo "demo: sha256 put $put_sum"
echo "demo: sha256 got $got_sum"

[[ $put_sum == "$got_sum" ]] || fail "the bytes differ"
if [[ $bytes -lt $shared_from ]]; then
  echo "demo: PASSED: the bytes are the same ($(mib "$bytes") are too few to ask for three peers' shares)"
else
  [[ $shares -ge 3 ]] || fail "$shares peers served $share % or more of the file, 3 are needed"
  echo "demo: PASSED: the bytes are the same, and $shares peers served $share % or more each"
fi

if [[ -n $keep ]]; then
  echo "demo: nodes 2 to 6 go on running. To talk to one of them:"
  echo "  export L2P_API=$(api 6)   # or node2 .. node5"
  echo "  $bin/l2p status"
  echo "  $bin/l2p put FILE"
  echo "To end all and remove their data:"
  echo "  kill -KILL ${pids[*]}; rm -rf $work"
fi
