"""A17: what pages of other sites, other users and guessers try on the admin endpoint."""

import os
import shutil
import socket
import stat
import subprocess
import time
import unittest

from admin_node import Node

CHANGING = [('POST', '/api/v1/peers'), ('PUT', '/api/v1/slots/chunking'), ('POST', '/api/v1/files'),
            ('DELETE', '/api/v1/files/x'), ('POST', '/api/v1/files/x/export'),
            ('POST', '/api/v1/files/x/redundancy'), ('PUT', '/api/v1/pins/x'),
            ('DELETE', '/api/v1/pins/x'), ('POST', '/api/v1/gc'), ('POST', '/api/v1/shutdown')]
FORMS = ('application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain')


class Attacks(unittest.TestCase):
    def setUp(self):
        self.node = Node().__enter__()
        self.addCleanup(self.node.__exit__)

    def assert_serves(self):
        answer = self.node.call('GET', '/api/v1/status')
        self.assertEqual(answer.status, 200, answer.body)

    def test_a_name_that_was_rebound_to_this_address_is_not_this_endpoint(self):
        port = self.node.host.rsplit(':')[-1]
        for host in ('evil.example', 'evil.example:' + port, '127.0.0.1.evil.example:' + port,
                     '127.0.0.1', '127.0.0.1:1', 'localhost.:' + port, '0.0.0.0:' + port, '', '*'):
            for target in ('/', '/healthz', '/metrics', '/api/v1/status'):
                answer = self.node.call('GET', target, headers={'Host': host})
                self.assertEqual(answer.status, 421, (host, target))
        for host in ('localhost:' + port, '[::1]:' + port):
            self.assertEqual(self.node.call('GET', '/healthz', headers={'Host': host}).status, 200)

    def test_requests_that_another_origin_makes_are_refused_with_the_token_too(self):
        own = 'http://' + self.node.host
        for headers in ({'Origin': 'http://evil.example'}, {'Origin': 'null'},
                        {'Origin': own + '.evil.example'}, {'Origin': 'https://' + self.node.host},
                        {'Origin': ''}, {'Referer': 'http://evil.example/page'},
                        {'Referer': own + '.evil.example/'}, {'Referer': own + '@evil.example/'},
                        {'Origin': own, 'Referer': 'http://evil.example/'}):
            for method, target in [('GET', '/api/v1/status'), *CHANGING]:
                answer = self.node.call(method, target, headers=headers)
                self.assertEqual(answer.status, 403, (headers, target))
        answer = self.node.call('GET', '/api/v1/status',
                                headers={'Origin': own, 'Referer': own + '/'})
        self.assertEqual(answer.status, 200)
        self.assertNotIn('access-control-allow-origin', answer.headers)

    def test_no_preflight_is_answered(self):
        answer = self.node.call('OPTIONS', '/api/v1/files', token=None,
                                headers={'Access-Control-Request-Method': 'POST'})
        self.assertEqual(answer.status, 405)
        self.assertFalse([name for name in answer.headers if name.startswith('access-control')])

    def test_nothing_changes_by_get(self):
        for _, target in CHANGING:
            # What these also name can be read.
            if target == '/api/v1/peers' or target.startswith('/api/v1/files'):
                continue
            self.assertEqual(self.node.call('GET', target).status, 405, target)
            self.assertEqual(self.node.call('HEAD', target).status, 405, target)
        self.assert_serves()

    def test_a_form_cannot_make_a_call(self):
        for kind in FORMS:
            for method, target in CHANGING:
                answer = self.node.call(method, target, headers={'Content-Type': kind},
                                        body='{"plugin": "fastcdc"}', token=None)
                self.assertEqual(answer.status, 401, (kind, target))
            for method, target in (('POST', '/api/v1/peers'), ('PUT', '/api/v1/slots/chunking')):
                answer = self.node.call(method, target, headers={'Content-Type': kind},
                                        body='{"plugin": "fastcdc"}')
                self.assertEqual(answer.status, 415, (kind, target))
        slots = self.node.call('GET', '/api/v1/slots').json()['slots']
        self.assertIn('fixed', [slot['plugin'] for slot in slots])

    def test_the_token_in_another_place_is_none(self):
        token = self.node.token
        for target, headers in (('/api/v1/status?token=' + token, {}),
                                ('/api/v1/status', {'Cookie': 'token=' + token}),
                                ('/api/v1/status', {'Authorization': token}),
                                ('/api/v1/status', {'Authorization': 'Basic ' + token}),
                                ('/api/v1/status', {'Authorization': 'Bearer ' + token[:-1]}),
                                ('/api/v1/status', {'Authorization': 'Bearer ' + token + '0'})):
            self.assertEqual(self.node.call('GET', target, headers=headers, token=None).status, 401,
                             headers)
        self.assert_serves()

    def test_ten_thousand_wrong_tokens_are_slowed_down(self):
        begun = time.monotonic()
        looked_at = refused = 0
        for i in range(10_000):
            status = self.node.call('GET', '/api/v1/status', token=f'{i:064x}').status
            looked_at += status == 401
            refused += status == 429
        took = time.monotonic() - begun
        self.assertEqual(looked_at + refused, 10_000)
        # What is looked at is bounded by the time it took, whatever the machine.
        self.assertLessEqual(looked_at, 100 + 10 * took + 1)
        self.assertGreater(refused, 0)
        self.assertEqual(self.node.call('GET', '/healthz', token=None).status, 200)
        self.assertEqual(self.node.call('GET', '/api/v1/status', over_socket=True).status, 200)
        deadline = time.monotonic() + 30
        while self.node.call('GET', '/api/v1/status').status == 429:
            self.assertLess(time.monotonic(), deadline)
        self.assert_serves()

    def test_paths_stay_within_what_they_name(self):
        for target in ('/../../etc/passwd', '/..%2f..%2fetc%2fpasswd', '/%2e%2e/%2e%2e/etc/passwd',
                       '//etc/passwd', '/dashboard.js/../../admin.token', '/admin.token',
                       '/api/v1/../../../etc/passwd', '/dashboard.js%00', '/./admin.token',
                       '/\\..\\..\\etc\\passwd', '/api/v1/files/..%2f..%2fetc%2fpasswd',
                       '/api/v1/files/%00', '/' + 'a' * 5000):
            answer = self.node.call('GET', target)
            self.assertIn(answer.status, (400, 404, 414), target)
            self.assertNotIn(b'root:', answer.body)
            self.assertNotIn(self.node.token.encode(), answer.body)
        for query in ('path=/etc/passwd', 'path=' + self.node.folder.name, 'path=..'):
            self.assertEqual(self.node.call('POST', '/api/v1/files?' + query).status, 403)
            self.assertEqual(
                self.node.call('POST', '/api/v1/files/x/export?' + query).status, 403)
        self.assert_serves()

    def test_requests_that_are_none_do_no_harm(self):
        port = int(self.node.host.rsplit(':')[-1])
        for bytes_ in (b'\0' * 4096, b'GET', b'GET / HTTP/1.1\r\n' + b'A: b\r\n' * 20_000 + b'\r\n',
                       b'GET / HTTP/9.9\r\n\r\n', b'POST /api/v1/files HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
                       b'POST /api/v1/files HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n',
                       b'POST /api/v1/files HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n',
                       b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'):
            with socket.create_connection(('127.0.0.1', port), timeout=5) as raw:
                try:
                    raw.sendall(bytes_)
                    raw.shutdown(socket.SHUT_WR)
                    while raw.recv(65536):
                        pass
                except OSError:  # Refused, or reset before all was sent.
                    pass
            self.assert_serves()

    def test_files_are_this_users_alone(self):
        data = self.node.folder.name + '/data'
        self.assertEqual(stat.S_IMODE(os.stat(self.node.socket).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(data + '/admin.token').st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(data).st_mode), 0o700)

    @unittest.skipUnless(os.geteuid() == 0, 'only root can become another user')
    def test_another_user_reaches_neither_the_socket_nor_the_token(self):
        os.chmod(self.node.folder.name, 0o755)
        for words in (['cat', self.node.folder.name + '/data/admin.token'],
                      ['curl', '-s', '-m', '5', '--unix-socket', self.node.socket,
                       'http://localhost/healthz']):
            done = subprocess.run(words, capture_output=True, user=65534, group=65534,
                                  extra_groups=[])
            self.assertNotEqual(done.returncode, 0, words)
            self.assertEqual(done.stdout, b'')

    @unittest.skipUnless(shutil.which('unshare') and subprocess.run(
        ['unshare', '-rn', 'true'], capture_output=True).returncode == 0,
        'no network namespace can be made here')
    def test_from_another_namespace_the_port_is_closed(self):
        done = subprocess.run(['unshare', '-rn', 'sh', '-c',
                               'ip link set lo up; exec curl -s -m 5 http://' + self.node.host + '/healthz'],
                              capture_output=True)
        self.assertEqual(done.returncode, 7, done)
        self.assert_serves()


if __name__ == '__main__':
    unittest.main()
