#!/usr/bin/env bash
# Whole processes beside a limit in the same run: put and get of one file beside cp + sync and
# nginx TLS 1.3 + curl. Medians of interleaved warm runs; every figure says PASS or FAIL.
# usage: run.sh [MIB] [RUNS]   (./dev bench builds first)
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$PWD/build/release/bin
mib=${1:-1024}
runs=${2:-5}

if ! command -v nginx >/dev/null || ! command -v openssl >/dev/null; then
  apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends nginx-light openssl \
    >/dev/null
fi

work=$(mktemp -d /tmp/l2p-bench.XXXXXX)
pids=()
finish() {
  kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

start_node() {  # NAME [key=value...]
  local name=$1
  shift
  mkdir "$work/$name"
  "$bin/l2pkernel" data.dir="$work/$name" transport.tcp.listen=/ip4/127.0.0.1/tcp/0 \
    admin.listen= storage.quota=100GiB "$@" >"$work/$name/ready" 2>"$work/$name/log" &
  pids+=($!)
  for _ in $(seq 100); do
    grep -q ^ready "$work/$name/ready" && return
    sleep 0.1
  done
  echo "bench: $name did not start: $(cat "$work/$name/log")" >&2
  exit 1
}

start_nginx() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj /CN=localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
  cat >"$work/nginx.conf" <<CONF
daemon off;
pid $work/nginx.pid;
error_log $work/nginx.log;
user root;
events {}
http {
  access_log off;
  client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
  uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server {
    listen 127.0.0.1:18443 ssl;
    ssl_certificate $work/cert.pem;
    ssl_certificate_key $work/key.pem;
    ssl_protocols TLSv1.3;
    root $work;
  }
}
CONF
  nginx -c "$work/nginx.conf" 2>/dev/null &
  pids+=($!)
  sleep 1
}

timed() { # prints the seconds that "$@" takes
  local begin end
  begin=$(date +%s%N)
  "$@" >/dev/null 2>>"$work/errors"
  end=$(date +%s%N)
  awk "BEGIN { printf \"%.3f\n\", ($end - $begin) / 1e9 }"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
put() { "$bin/l2p" --api "$work/source/admin.sock" put --local "$work/file"; }
unput() { "$bin/l2p" --api "$work/source/admin.sock" rm file >/dev/null; }
get() { "$bin/l2p" --api "$work/reader/admin.sock" get "$id" -o "$work/got"; }
copy() { cp --reflink=never "$work/file" "$work/copied" && sync "$work/copied"; }
fetch() {
  curl -sk --tls13-ciphers TLS_AES_128_GCM_SHA256 https://127.0.0.1:18443/file -o "$work/fetched" &&
    sync "$work/fetched"
}
hash_alone() { # SHA-256 of the file's halves, on two threads
  local half=$((mib / 2))
  head -c "${half}M" "$work/file" | sha256sum &
  tail -c "${half}M" "$work/file" | sha256sum
  wait $!
}

head -c "${mib}M" /dev/urandom >"$work/file"
start_node source
listen=$(sed 's/.* listen=\([^ ]*\) .*/\1/' "$work/source/ready")
start_node reader network.bootstrap="$listen"
start_nginx
id=$(put)
unput

for _ in $(seq "$runs"); do
  timed copy >>"$work/cp"
  timed hash_alone >>"$work/hash"
  timed put >>"$work/put"
  timed get >>"$work/get"
  timed fetch >>"$work/curl"
  cmp "$work/file" "$work/got"
  unput
  rm -f "$work/got" "$work/fetched" "$work/copied"
done

verdict() { # NAME SECONDS REFERENCE_NAME REFERENCE_SECONDS LIMIT
  awk -v name="$1" -v s="$2" -v other="$3" -v r="$4" -v limit="$5" -v mib="$mib" 'BEGIN {
    printf "%-22s %8.1f MB/s  %.2fx of %s (%.1f MB/s)  limit %.2fx  %s\n", name,
      mib * 1.048576 / s, s / r, other, mib * 1.048576 / r, limit, s / r <= limit ? "PASS" : "FAIL"
  }'
}
cp_time=$(median <"$work/cp")
hash_time=$(median <"$work/hash")
slower=$(printf '%s\n%s\n' "$cp_time" "$hash_time" | sort -rn | head -1)
echo "bench: $mib MiB, medians of $runs interleaved runs, settings as shipped"
verdict "put --local" "$(median <"$work/put")" "the slower of cp+sync, sha256" "$slower" 1.30
verdict "get from one peer" "$(median <"$work/get")" "nginx TLS 1.3 + curl" \
  "$(median <"$work/curl")" 1.667
