"""Manual pages and completion are made from the table of commands, so they have all of it."""

import os
import re
import shutil
import subprocess
import unittest

L2P = os.environ['L2P']


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, f'{words}: {done.stdout}{done.stderr}'
    return done.stdout


def commands():
    lines = run(L2P, '--help').split('\n\n')[1].splitlines()
    return [re.match(r'  (\S+)', line).group(1) for line in lines]


class ManPages(unittest.TestCase):
    def read(self, *words):
        """As a person reads it; a warning of the formatter is a failure."""
        done = subprocess.run(['groff', '-man', '-Tascii', '-ww', '-P-cbou'],
                              input=run(*words), capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return done.stdout

    def test_l2p_names_every_command_and_option(self):
        page = self.read(L2P, 'help', '--man')
        for command in commands():
            self.assertRegex(page, rf'(?m)^ +{command}\b')
            for option in re.findall(r'(?m)^  (-\S+)', run(L2P, command, '--help')):
                self.assertIn(option, page, command)
        self.assertIn('EXIT STATUS', page)

    def test_l2pkernel_names_every_setting_of_the_kernel(self):
        kernel = os.environ['L2PKERNEL']
        page = self.read(kernel, '--help=man')
        with open(os.path.dirname(kernel) + '/../share/l2p/node.properties') as file:
            keys = re.findall(r'(?m)^([a-z]+\.[a-z_]+) *=', file.read())
        self.assertGreater(len(keys), 20)
        for key in keys:
            self.assertIn(key, page)


class Completion(unittest.TestCase):
    def bash(self, *words):
        """What is offered for the last of `words`."""
        script = ('source <("$L2P" completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  '_l2p; printf "%s\\n" "${COMPREPLY[@]}"')
        return run('bash', '-c', script, 'l2p', *words, cwd='/').split()

    def zsh(self, *words):
        # Outside the line editor its functions are ours.
        script = ('compdef() {}; compadd() { shift; print -l -- "$@" }; _files() { print files }; '
                  'source <("$L2P" completion zsh); words=("$@"); CURRENT=$#; _l2p')
        return run('zsh', '-f', '-c', script, 'l2p', *words).split()

    def test_an_unknown_shell_is_refused(self):
        done = subprocess.run([L2P, 'completion', 'fish'], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn('bash and zsh', done.stderr)

    def check(self, offered):
        self.assertEqual(set(offered('l2p', '')) & set(commands()), set(commands()))
        self.assertIn('--redundancy', offered('l2p', 'put', '-'))
        self.assertNotIn('--redundancy', offered('l2p', 'get', '-'))
        self.assertIn('--api', offered('l2p', '-'))
        self.assertIn('storage', offered('l2p', 'swap', ''))
        self.assertEqual(offered('l2p', 'plugin', ''), ['new'])
        self.assertIn('routing', offered('l2p', 'plugin', 'new', ''))
        self.assertIn('routing', offered('l2p', '--api', '/run/x', 'plugin', 'new', ''))
        self.assertIn('zsh', offered('l2p', 'completion', ''))
        self.assertEqual(offered('l2p', 'status', ''), [])

    def test_bash_completes_commands_options_and_places(self):
        self.check(self.bash)
        self.assertEqual(self.bash('l2p', 'sw'), ['swap'])
        self.assertIn('etc', self.bash('l2p', 'put', 'et'))
        self.assertIn('etc', self.bash('l2p', 'get', 'x', '-o', 'et'))

    @unittest.skipUnless(shutil.which('zsh'), 'there is no zsh here')
    def test_zsh_completes_commands_options_and_places(self):
        self.check(self.zsh)
        self.assertEqual(self.zsh('l2p', 'put', ''), ['files'])
        self.assertEqual(self.zsh('l2p', 'get', 'x', '-o', ''), ['files'])


if __name__ == '__main__':
    unittest.main()
