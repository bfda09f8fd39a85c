"""The Debian package: built by CPack; then, as root, installed, run, upgraded, removed and purged."""

import os
import subprocess
import tempfile
import unittest

from debian_installed import UNIT, run

# Runs PROGRAM in COPY, which looks like this machine and keeps what changes in memory. With the
# processes it goes without a trace, however they end.
ON_A_COPY = r'''
copy=$1 package=$2 program=$3
mount -t tmpfs tmpfs "$copy"
mkdir "$copy/changes" "$copy/work" "$copy/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$copy/changes,workdir=$copy/work" "$copy/root"
mount -t proc proc "$copy/root/proc"
mount --rbind /dev "$copy/root/dev"
mkdir "$copy/root/l2p-test"
cp "$package" "$copy/root/l2p-test/l2p.deb"
cp "$program" "$copy/root/l2p-test/program.py"
exec chroot "$copy/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
  L2P_PACKAGE=/l2p-test/l2p.deb sh -euc '
    dpkg --configure -a >/dev/null
    dpkg --purge l2p 2>/dev/null
    exec python3 /l2p-test/program.py'
'''


class Debian(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='l2p-deb-')
        cls.addClassCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        run(os.environ['L2P_CPACK'], '-G', 'DEB', '-B', folder.name, cwd=os.environ['L2P_BUILD'])
        cls.package, = (os.path.join(folder.name, name) for name in os.listdir(folder.name)
                        if name.endswith('.deb'))

    def field(self, name):
        return run('dpkg-deb', '-f', self.package, name).strip()

    def test_it_depends_on_what_its_programs_load(self):
        depends = self.field('Depends')
        for library in ('libc6', 'libstdc++6', 'libabsl', 'libpoconet', 'libprotobuf-lite',
                        'libsqlite3', 'libisal', 'android-libboringssl', 'adduser'):
            self.assertIn(library, depends)
        self.assertNotRegex(depends, r'libl2p|libprotobuf32|libssl')
        self.assertEqual(self.field('Package'), 'l2p')

    def test_the_unit_is_right_and_hardened(self):
        with tempfile.TemporaryDirectory() as folder:
            run('dpkg-deb', '-x', self.package, folder)
            unit = folder + UNIT
            # As it is when it is installed.
            with open(unit) as file:
                text = file.read().replace('/usr/bin/l2pkernel', folder + '/usr/bin/l2pkernel')
            with open(unit, 'w') as file:
                file.write(text)
            done = subprocess.run(['systemd-analyze', 'verify', '--man=no', unit],
                                  capture_output=True, text=True)
            complaints = [line for line in done.stderr.splitlines() if 'l2p.service' in line]
            self.assertEqual(complaints, [])
            done = subprocess.run(['systemd-analyze', 'security', '--offline=true',
                                   '--threshold=20', unit], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout[-300:] + done.stderr)

    @unittest.skipIf(os.geteuid() != 0, 'only root can install a package')
    def test_it_installs_serves_upgrades_and_goes_without_a_trace(self):
        if subprocess.run(['unshare', '--mount', 'true'], capture_output=True).returncode:
            self.skipTest('this root may not mount, so there is no copy to install it on')
        # On a copy: a test that is killed must not leave this machine's dpkg halfway.
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'debian_installed.py')
        with tempfile.TemporaryDirectory() as copy:
            run('unshare', '--mount', '--propagation', 'private', '--pid', '--fork',
                '--kill-child', 'sh', '-euc', ON_A_COPY, 'sh', copy, self.package, program)


if __name__ == '__main__':
    unittest.main()
