#!/usr/bin/python3
"""64 sessions of libtorrent's DHT on loopback: how long looking up who has announced a hash takes.

Prints one JSON object, as routing-loopback does for l2p.
"""

import json
import random
import time

import libtorrent as lt

NODES = 64
KEYS = 128
LOOKUPS = 1000
AT_ONCE = 16
SECONDS = 10


def new_session():
    return lt.session({
        "listen_interfaces": "127.0.0.1:0",
        "enable_dht": True, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        "dht_bootstrap_nodes": "",
        # All are on one address here, and nothing shall be held back.
        "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False,
        "dht_enforce_node_id": False, "dht_prefer_verified_node_ids": False,
        "dht_ignore_dark_internet": False, "dht_upload_rate_limit": 100_000_000,
        "dht_block_ratelimit": 1_000_000,
        "alert_mask": lt.alert.category_t.dht_operation_notification |
        lt.alert.category_t.dht_notification,
    })


def announce(session, key):
    """By way of a torrent: the binding of session.dht_announce cannot be called in 2.0.8."""
    params = lt.add_torrent_params()
    params.info_hashes = lt.info_hash_t(key)
    params.save_path = "/nonexistent"
    params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    session.add_torrent(params).force_dht_announce()


def await_reply(session, key, limit=10):
    """True when somebody has told of a peer for `key`."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        session.wait_for_alert(200)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.dht_get_peers_reply_alert) and alert.info_hash == key:
                if alert.num_peers() > 0:
                    return True
    return False


def main():
    rng = random.Random(1)
    sessions = [new_session() for _ in range(NODES)]
    for session in sessions:
        while session.listen_port() == 0:
            time.sleep(0.01)
    first = sessions[0].listen_port()
    for session in sessions[1:]:
        session.add_dht_node(("127.0.0.1", first))
    time.sleep(10)
    keys = [lt.sha1_hash(rng.randbytes(20)) for _ in range(KEYS)]
    for i, key in enumerate(keys):
        announce(sessions[i % NODES], key)
    time.sleep(15)
    took, found = [], 0
    for _ in range(LOOKUPS):
        which = rng.randrange(KEYS)
        key = keys[which]
        session = sessions[(which + rng.randrange(1, NODES)) % NODES]  # Not who announced it.
        session.pop_alerts()
        begin = time.monotonic()
        session.dht_get_peers(key)
        found += await_reply(session, key)
        took.append(1000 * (time.monotonic() - begin))
    took.sort()
    print(json.dumps({"version": lt.version, "p50_ms": took[len(took) // 2],
                      "p99_ms": took[len(took) * 99 // 100], "found": found / LOOKUPS,
                      "per_second": throughput(sessions, keys, rng)}))


def throughput(sessions, keys, rng):
    """Lookups that end in a second, with AT_ONCE under way all the time."""
    for session in sessions:
        session.pop_alerts()
    pending, done = {}, 0
    begin = time.monotonic()
    free = list(range(NODES))
    while time.monotonic() < begin + SECONDS:
        while len(pending) < AT_ONCE:
            i = free.pop(rng.randrange(len(free)))
            pending[i] = (rng.choice(keys), time.monotonic())
            sessions[i].dht_get_peers(pending[i][0])
        for i, (key, started) in list(pending.items()):
            replies = [a for a in sessions[i].pop_alerts()
                       if isinstance(a, lt.dht_get_peers_reply_alert) and a.info_hash == key]
            if replies or time.monotonic() > started + 10:
                done += bool(replies)
                del pending[i]
                free.append(i)
    return done / (time.monotonic() - begin)


if __name__ == "__main__":
    main()
