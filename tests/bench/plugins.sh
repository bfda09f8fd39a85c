#!/usr/bin/env bash
# Plugins alone: chunkers and hashers on this machine, each figure with its limit. (./dev bench
# plugins builds first.)
set -euo pipefail
cd "$(dirname "$0")/../.."
bench=$PWD/build/release/bench
work=$(mktemp -d /tmp/l2p-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT

verdict() { # NAME MEASURED ATLEAST|ATMOST LIMIT UNIT
  awk -v name="$1" -v m="$2" -v sort="$3" -v limit="$4" -v unit="$5" 'BEGIN {
    passed = sort == "atleast" ? m >= limit : m <= limit
    printf "%-44s %9.3f %-5s limit %s %s  %s\n", name, m, unit,
      sort == "atleast" ? ">=" : "<=", limit, passed ? "PASS" : "FAIL"
  }'
}
# The median GB/s of each benchmark, "name value".
rates() {
  "$1" --benchmark_repetitions=5 --benchmark_enable_random_interleaving=true \
    --benchmark_min_time=0.2 --benchmark_format=csv 2>/dev/null |
    sed -nE 's/^"(.*)_median",[^,]*,[^,]*,[^,]*,[^,]*,([^,]*),.*/\1 \2/p' |
    awk '{ printf "%s %.4f\n", $1, $2 / 1e9 }'
}
rate_of() { awk -v name="$1" 'index($1, name) == 1 && (length($1) == length(name) ||
  substr($1, length(name) + 1, 1) == "/") { print $2; exit }'; }

chunking=$(rates "$bench/chunking_bench")
for name in FastCdc NibbleCdcByOne; do
  printf '%-44s %9.3f GB/s\n' "$name, one core" "$(rate_of $name <<<"$chunking")"
done
verdict "NibbleCdc, one core" "$(rate_of NibbleCdc <<<"$chunking")" atleast 4.5 GB/s

hashing=$(rates "$bench/hashing_bench")
for name in sha256 blake3 blake2b; do
  alone=$(rate_of $name/alone <<<"$hashing")
  inside=$(rate_of $name/pipeline <<<"$hashing")
  printf '%-44s %9.3f GB/s\n' "$name alone, all cores" "$alone"
  verdict "$name in the pipeline, of that" "$(awk "BEGIN { print $inside / $alone }")" \
    atleast 0.95 times
done

# How the sizes of two rows of cut_spread differ.
mean_apart() { awk "BEGIN { d = $1 / $2 - 1; print 100 * (d < 0 ? -d : d) }"; }
spread_apart() { awk "BEGIN { d = $1 - $2; print 100 * (d < 0 ? -d : d) }"; }
compare_cuts() { # OLD NEW: sets the figures of both chunkers; those of fastcdc with other tables are in $work
  "$bench/cut_spread" "$1" "$2" >"$work/spread"
  read -r _ _ fast_mean fast_spread fast_again < <(grep fastcdc "$work/spread")
  read -r _ _ mean spread again < <(grep nibblecdc "$work/spread")
}

# Random bytes have no pattern that a table can suit or not.
head -c 2000000000 /dev/urandom >"$work/old"
compare_cuts "$work/old" /dev/null
verdict "random bytes: nibblecdc mean beside fastcdc" "$(mean_apart $mean $fast_mean)" atmost 1 %
verdict "  spread of sizes, apart" "$(spread_apart $spread $fast_spread)" atmost 1 points

# A tar of some 500 MB of what is on this machine, and the same with 1 KiB inserted.
tar -C /usr -cf - lib bin 2>/dev/null | head -c 500000000 >"$work/old" || true
size=$(stat -c %s "$work/old")
for place in 0 $((size / 2)); do
  { head -c "$place" "$work/old"; head -c 1024 /dev/urandom; tail -c +$((place + 1)) "$work/old"; } \
    >"$work/new"
  compare_cuts "$work/old" "$work/new"
  if [[ $place -eq 0 ]]; then
    verdict "a tar: nibblecdc mean beside fastcdc" "$(mean_apart $mean $fast_mean)" atmost 1 %
    verdict "  spread of sizes, apart" "$(spread_apart $spread $fast_spread)" atmost 1 points
    awk -v mean="$fast_mean" -v spread="$fast_spread" '/^salted/ {
        m = 100 * ($3 / mean - 1); m = m < 0 ? -m : m; if (m > far) far = m
        s = 100 * ($4 - spread); s = s < 0 ? -s : s; if (s > wide) wide = s
      } END { printf "  (fastcdc with seven other tables: mean up to %.3f %% apart, spread up to %.3f points)\n", far, wide }' "$work/spread"
  fi
  verdict "1 KiB inserted at $place: stored again" "$(awk "BEGIN { print 100 * $again }")" \
    atmost 0.2 %
  verdict "  more than fastcdc" "$(awk "BEGIN { print 100 * ($again - $fast_again) }")" atmost 1 %
done
