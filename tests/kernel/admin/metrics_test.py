"""/metrics as Prometheus wants it, and l2p status as a person does."""

import os
import re
import subprocess
import unittest

from admin_node import Node

NAME = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*\Z')
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)\Z')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|\Z)')
# What `promtool check metrics` complains about: base units only, unless the name counts things.
OTHER_UNITS = re.compile(r'_(ms|millis\w*|micro\w*|nano\w*|minutes|hours|days|kb|mb|gb|kib|mib|gib|'
                         r'kilobytes|megabytes|bits|percent)(_|\Z)')
RESERVED = ('_count', '_sum', '_bucket', '_info')


def parse(text):
    """Families in order: {name: {'help', 'type', 'samples': {labels: value}}}."""
    assert text.endswith('\n'), 'the last line must end'
    families = {}
    current = None
    for line in text[:-1].split('\n'):
        assert line, 'an empty line'
        if line.startswith('# HELP '):
            name, _, help_text = line.removeprefix('# HELP ').partition(' ')
            assert name not in families, f'{name}: two families'
            current = families[name] = {'help': help_text, 'type': None, 'samples': {}}
        elif line.startswith('# TYPE '):
            name, kind = line.removeprefix('# TYPE ').split(' ')
            assert families.get(name) is current and current['type'] is None, line
            assert not current['samples'], f'{name}: its type comes after a sample'
            current['type'] = kind
        else:
            match = SAMPLE.match(line)
            assert match, f'no sample: {line}'
            name, labels, value = match.groups()
            assert families.get(name) is current, f'{name}: a sample outside its family'
            pairs = LABEL.findall(labels or '')
            assert ''.join(f'{key}="{text}",' for key, text in pairs).rstrip(',') == (labels or ''), line
            assert len({key for key, _ in pairs}) == len(pairs), f'a label twice: {line}'
            key = tuple(sorted(pairs))
            assert key not in current['samples'], f'a sample twice: {line}'
            current['samples'][key] = float(value)
    return families


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.other = Node().__enter__()
        cls.addClassCleanup(cls.other.__exit__)
        cls.node = Node('network.bootstrap=' + cls.other.address).__enter__()
        cls.addClassCleanup(cls.node.__exit__)

    def read(self):
        answer = self.node.call('GET', '/metrics')
        self.assertEqual(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
        return parse(answer.body.decode())

    def test_names_and_texts_follow_the_conventions(self):
        families = self.read()
        self.assertGreater(len(families), 20)
        for name, family in families.items():
            with self.subTest(name):
                self.assertRegex(name, NAME)
                self.assertTrue(name.startswith('l2p_'))
                self.assertEqual(name, name.lower())
                self.assertIn(family['type'], ('counter', 'gauge'))
                self.assertEqual(name.endswith('_total'), family['type'] == 'counter')
                self.assertFalse(name.endswith(RESERVED))
                self.assertNotRegex(name, OTHER_UNITS)
                self.assertRegex(family['help'], r'\A[A-Z].{9,}\.\Z')
                self.assertTrue(family['samples'])
                for labels, value in family['samples'].items():
                    self.assertGreaterEqual(value, 0)
                    self.assertIn([key for key, _ in labels], ([], ['kind', 'plugin']))

    def test_each_plugin_instance_has_numbers_of_its_own(self):
        running = {(item['kind'], item['name'])
                   for item in self.node.call('GET', '/api/v1/plugins').json()['active']}
        labelled = {tuple(value for _, value in labels) for family in self.read().values()
                    for labels in family['samples'] if labels}
        self.assertLessEqual(labelled, running)
        self.assertLessEqual({('transport', 'tcp'), ('routing', 'kademlia'), ('service', 'keeper')},
                             labelled)

    def test_counters_only_grow(self):
        before = self.read()
        self.node.call('POST', '/api/v1/files?redundancy=copies:1', body=os.urandom(2_000_000))
        after = self.read()
        for name, family in before.items():
            if family['type'] != 'counter':
                continue
            for labels, value in family['samples'].items():
                self.assertGreaterEqual(after[name]['samples'][labels], value, name)
        sent = (('kind', 'transport'), ('plugin', 'tcp'))
        self.assertGreater(after['l2p_sent_bytes_total']['samples'][sent],
                           before['l2p_sent_bytes_total']['samples'][sent] + 2_000_000)

    def test_every_metric_is_in_the_documents(self):
        with open(os.path.dirname(os.environ['L2P_OPENAPI']) + '/operations.md') as file:
            written = set(re.findall(r'`(l2p_\w+)`', file.read()))
        self.assertEqual(set(self.read()), written)

    def test_status_fits_a_screen_and_says_what_to_do(self):
        with Node('storage.plugin=memory', 'network.bootstrap=/ip4/127.0.0.1/tcp/1') as alone:
            status = subprocess.run([os.environ['L2P'], '--api', alone.socket, 'status'],
                                    capture_output=True, text=True, check=True).stdout
        lines = status.splitlines()
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 80)
        advice = ' '.join(line[2:] for line in lines if line[:2] in ('! ', '  '))
        self.assertIn('check network.bootstrap', advice)
        self.assertIn('forgets everything when the node stops', advice)


if __name__ == '__main__':
    unittest.main()
