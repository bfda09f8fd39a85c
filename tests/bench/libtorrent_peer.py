#!/usr/bin/python3
"""One end of a BitTorrent transfer by libtorrent on loopback, settings as shipped but for uTP, which is
far slower there than TCP (a version 2 torrent: pieces checked by SHA-256, nothing encrypted).
usage: libtorrent_peer.py seed FILE TORRENT        writes TORRENT, then PORT on stdout; seeds on
       libtorrent_peer.py get TORRENT FOLDER PORT  ends when the file is whole and synced"""
import os
import sys
import time

import libtorrent as lt

PIECE = 1 << 20
LIMIT_SECONDS = 300


def new_session():
    return lt.session({
        "listen_interfaces": "127.0.0.1:0", "enable_dht": False, "enable_lsd": False,
        "enable_upnp": False, "enable_natpmp": False, "allow_multiple_connections_per_ip": True,
        "enable_outgoing_utp": False, "enable_incoming_utp": False,
        "alert_mask": lt.alert.category_t.status_notification |
        lt.alert.category_t.error_notification | lt.alert.category_t.storage_notification,
    })


def start(info, folder):
    session = new_session()
    params = lt.add_torrent_params()
    params.ti, params.save_path = info, folder
    params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    return session, session.add_torrent(params)


def seed(file, torrent):
    storage = lt.file_storage()
    lt.add_files(storage, file)
    made = lt.create_torrent(storage, PIECE, lt.create_torrent.v2_only)
    lt.set_piece_hashes(made, os.path.dirname(file))
    with open(torrent, "wb") as out:
        out.write(lt.bencode(made.generate()))
    session, handle = start(lt.torrent_info(torrent), os.path.dirname(file))
    while not handle.status().is_seeding or session.listen_port() == 0:
        time.sleep(0.05)
    print(session.listen_port(), flush=True)
    sys.stdin.read()


def get(torrent, folder, port):
    session, handle = start(lt.torrent_info(torrent), folder)
    handle.connect_peer(("127.0.0.1", int(port)))
    end = time.monotonic() + LIMIT_SECONDS
    while not handle.status().is_seeding:
        if time.monotonic() > end:
            sys.exit("libtorrent: not done in time")
        session.wait_for_alert(20)
        session.pop_alerts()
    handle.flush_cache()
    while not any(isinstance(alert, lt.cache_flushed_alert) for alert in session.pop_alerts()):
        session.wait_for_alert(20)
    path = os.path.join(folder, handle.torrent_file().files().file_path(0))
    with open(path, "rb") as file:
        os.fsync(file.fileno())


if __name__ == "__main__":
    {"seed": seed, "get": get}[sys.argv[1]](*sys.argv[2:])
