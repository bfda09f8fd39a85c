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

# How two figures differ.
mean_apart() { awk "BEGIN { d = $1 / $2 - 1; print 100 * (d < 0 ? -d : d) }"; }
spread_apart() { awk "BEGIN { d = $1 - $2; print 100 * (d < 0 ? -d : d) }"; }
# Sets the shares stored again, and of both chunkers the mean of the sizes and of their spreads over
# 32 tables each: with one table alone the mean of a tar is chance by more than a per cent.
compare_cuts() { # OLD NEW
  "$bench/cut_spread" "$1" "$2" >"$work/spread"
  read -r fast_mean fast_spread < <(over_tables fastcdc)
  read -r mean spread < <(over_tables nibblecdc)
  fast_again=$(awk '$1 == "fastcdc" { print $5 }' "$work/spread")
  again=$(awk '$1 == "nibblecdc" { print $5 }' "$work/spread")
}
over_tables() { # NAME
  awk -v name="$1" '$1 == name || $1 == name "*" { mean += $3; spread += $4; ++n }
    END { print mean / n, spread / n }' "$work/spread"
}
# How far single tables are from that.
tell_chance() { # NAME MEAN
  awk -v name="$1" -v mean="$2" '$1 == name { own = 100 * ($3 / mean - 1) }
    $1 == name "*" { m = 100 * ($3 / mean - 1); m = m < 0 ? -m : m; if (m > far) far = m }
    END { printf "  (%s: the table as shipped %+.2f %%, the farthest of 31 others %.2f %% from their mean)\n", name, own, far }' "$work/spread"
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
    tell_chance fastcdc "$fast_mean"
    tell_chance nibblecdc "$mean"
  fi
  verdict "1 KiB inserted at $place: stored again" "$(awk "BEGIN { print 100 * $again }")" \
    atmost 0.2 %
  verdict "  more than fastcdc" "$(awk "BEGIN { print 100 * ($again - $fast_again) }")" atmost 1 %
done
