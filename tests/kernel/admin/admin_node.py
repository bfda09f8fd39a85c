"""A node of a test's own, and requests to its admin endpoint."""

import http.client
import json
import os
import socket
import subprocess
import tempfile


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def type(self):
        return self.headers.get('content-type', '').split(';')[0]

    def json(self):
        return json.loads(self.body)

    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]


class SocketConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Node:
    """l2pkernel with a data.dir of its own; a context manager."""

    def __init__(self, *settings):
        self.folder = tempfile.TemporaryDirectory(prefix='l2p-admin-')
        self.settings = settings

    def __enter__(self):
        self.process = subprocess.Popen(
            [os.environ['L2PKERNEL'], '-c', os.environ['L2P_SWARM_SETTINGS'],
             'data.dir=' + self.folder.name + '/data', *self.settings],
            stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline().split()
        assert ready and ready[0] == 'ready', ready
        fields = dict(field.split('=', 1) for field in ready[1:])
        self.address = fields['listen'].split(',')[0]
        self.host = fields['admin'].removeprefix('http://')
        self.socket = fields['socket']
        with open(self.folder.name + '/data/admin.token') as file:
            self.token = file.read().strip()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.folder.cleanup()
        assert code == 0, f'l2pkernel did not drain: exit code {code}'

    def call(self, method, target, headers=None, body=None, token='own', over_socket=False):
        """token: 'own', None, or another one."""
        headers = dict(headers or {})
        if token and not over_socket:
            headers['Authorization'] = 'Bearer ' + (self.token if token == 'own' else token)
        connection = (SocketConnection(self.socket) if over_socket
                      else http.client.HTTPConnection(self.host, timeout=60))
        try:
            connection.request(method, target, body=body, headers=headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()
