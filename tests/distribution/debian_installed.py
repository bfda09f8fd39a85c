"""What debian_test.py does on a copy of the machine: installs the package, runs, upgrades and removes it."""

import os
import pwd
import re
import shlex
import signal
import stat
import subprocess
import tempfile
import unittest

SETTINGS = '/etc/l2p/node.properties'
DATA = '/var/lib/l2p'
SOCKET = DATA + '/admin.sock'
UNIT = '/usr/lib/systemd/system/l2p.service'


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, f'{words}: {done.stdout}{done.stderr}'
    return done.stdout


def apt(*words):
    return run('apt-get', '-y', '--no-install-recommends', *words)


class UnitNode:
    """What the unit says, without systemd: its command as its user."""

    def __enter__(self):
        with open(UNIT) as file:
            unit = dict(re.findall(r'^(\w+)=(.*)$', file.read(), re.M))
        self.process = subprocess.Popen(
            shlex.split(unit['ExecStart']), user=unit['User'], group=unit['Group'], extra_groups=[],
            umask=int(unit['UMask'], 8), cwd='/', env={'PATH': '/usr/bin:/bin'},
            stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline()
        assert ready.startswith('ready '), ready
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.close()
        assert self.process.wait(timeout=30) == 0


class Installed(unittest.TestCase):
    def test_it_installs_serves_upgrades_and_goes_without_a_trace(self):
        apt('install', os.environ['L2P_PACKAGE'])
        files = [path for path in run('dpkg', '-L', 'l2p').splitlines() if os.path.isfile(path)]
        self.assertIn(SETTINGS, files)
        user = pwd.getpwnam('l2p')
        self.assertEqual(os.stat(DATA).st_uid, user.pw_uid)
        self.assertEqual(stat.S_IMODE(os.stat(DATA).st_mode), 0o700)
        self.assertNotEqual(user.pw_shell, '/bin/bash')
        for page in ('l2p', 'l2pkernel'):
            self.assertIn('/man1/', run('man', '-w', page))

        own = 'transport.tcp.listen = /ip4/127.0.0.1/tcp/0\nadmin.listen =\nstorage.quota = 64MiB\n'
        with open(SETTINGS, 'a') as file:
            file.write(own)
        content = os.urandom(3_000_000)
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + '/in', 'wb') as file:
                file.write(content)
            with UnitNode():
                # Without --api: the node of the system is found.
                environment = {'PATH': '/usr/bin:/bin', 'HOME': folder}
                id_ = run('l2p', 'put', '--local', folder + '/in', env=environment).strip()
                run('l2p', 'get', id_, '-o', folder + '/out', env=environment)
                with open(folder + '/out', 'rb') as file:
                    self.assertEqual(file.read(), content)
                self.assertEqual(os.stat(SOCKET).st_uid, user.pw_uid)
                nobody = subprocess.run(['l2p', '--api', SOCKET, 'status'], user=65534, group=65534,
                                        extra_groups=[], capture_output=True)
                self.assertEqual(nobody.returncode, 4, nobody)

            # An upgrade keeps the edited settings and what is stored.
            apt('install', '--reinstall', os.environ['L2P_PACKAGE'])
            with open(SETTINGS) as file:
                self.assertTrue(file.read().endswith(own))
            with UnitNode():
                os.remove(folder + '/out')
                run('l2p', '--api', SOCKET, 'get', id_, '-o', folder + '/out')

        apt('remove', 'l2p')
        self.assertEqual([path for path in files if os.path.exists(path)], [SETTINGS])
        self.assertTrue(os.path.exists(DATA + '/identity.key'))
        apt('purge', 'l2p')
        for path in (SETTINGS, '/etc/l2p', DATA, '/usr/lib/l2p', '/usr/share/l2p',
                     '/usr/include/l2p'):
            self.assertFalse(os.path.exists(path), path)
        with self.assertRaises(KeyError):
            pwd.getpwnam('l2p')


if __name__ == '__main__':
    unittest.main()
