"""docs/admin-api.yaml is what the node does: every route is in the file and every operation of the
file is a route; each is called with and without token; status, content type and every field of the
answer are those of the file; and no field of the file is one that no answer has."""

import json
import os
import re
import subprocess
import unittest

import jsonschema
import yaml

from admin_node import Node

METHODS = ('get', 'head', 'put', 'post', 'delete')
EVERYWHERE = {400, 401, 403, 405, 415, 421, 429, 500}  # As components/responses/Error says.
JSON = {'Content-Type': 'application/json'}
# Fields of answers that a healthy swarm of two does not give.
UNSEEN = {'move', 'shunned', 'last_audit', 'problem', 'target'}


class Specification:
    def __init__(self, path):
        with open(path) as file:
            self.document = yaml.safe_load(file)
        self.seen = set()

    def operations(self):
        for path, item in self.document['paths'].items():
            for method in METHODS:
                if method in item:
                    yield method.upper(), path, item[method]

    def resolve(self, node):
        while '$ref' in node:
            target = self.document
            for part in node['$ref'].removeprefix('#/').split('/'):
                target = target[part]
            node = target
        return node

    def strict(self, node):
        """`node` as a schema that admits no field which it does not name."""
        node = dict(self.resolve(node))
        for key in ('oneOf', 'allOf', 'anyOf'):
            if key in node:
                node[key] = [self.strict(each) for each in node[key]]
        if 'items' in node:
            node['items'] = self.strict(node['items'])
        if 'properties' in node:
            node['properties'] = {name: self.strict(each)
                                  for name, each in node['properties'].items()}
            node.setdefault('additionalProperties', False)
        return node

    def fields(self, node, above=''):
        """Every field that answers of this schema may have."""
        node = self.resolve(node)
        for key in ('oneOf', 'allOf', 'anyOf'):
            for each in node.get(key, []):
                yield from self.fields(each, above)
        if 'items' in node:
            yield from self.fields(node['items'], above + '[]')
        for name, each in node.get('properties', {}).items():
            yield above + '.' + name
            yield from self.fields(each, above + '.' + name)

    def note(self, value, above):
        if isinstance(value, dict):
            for name, each in value.items():
                self.seen.add(above + '.' + name)
                self.note(each, above + '.' + name)
        elif isinstance(value, list):
            for each in value:
                self.note(each, above + '[]')

    def check(self, method, path, answer):
        where = f'{method} {path} {answer.status}'
        responses = self.document['paths'][path][method.lower()]['responses']
        response = responses.get(str(answer.status))
        if response is None:
            assert answer.status in EVERYWHERE, f'{where} is not in the file: {answer.body[:300]}'
            response = {'$ref': '#/components/responses/Error'}
        content = self.resolve(response).get('content')
        if method == 'HEAD' or content is None:
            assert not answer.body, f'{where}: the file names no body: {answer.body[:300]}'
            return
        assert answer.type in content, f'{where}: the file does not name {answer.type}'
        schema = content[answer.type]['schema']
        if answer.type == 'application/json':
            documents = [answer.json()]
        elif answer.type == 'application/x-ndjson':
            documents = answer.lines()
        else:
            return
        for document in documents:
            errors = [f'{error.json_path}: {error.message[:300]}' for error in
                      jsonschema.Draft202012Validator(self.strict(schema)).iter_errors(document)]
            assert not errors, f'{where}: {document}: {errors}'
            self.note(document, f'{method} {path}')


class OpenApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spec = Specification(os.environ['L2P_OPENAPI'])
        cls.other = Node().__enter__()
        cls.addClassCleanup(cls.other.__exit__)
        cls.node = Node('network.bootstrap=' + cls.other.address).__enter__()
        cls.addClassCleanup(cls.node.__exit__)
        cls.done = set()

    def test_1_every_route_is_in_the_file_and_every_operation_is_a_route(self):
        routes = set()
        for line in subprocess.check_output([os.environ['L2P_PRINT_ROUTES']],
                                            text=True).splitlines():
            method, pattern, access = line.split()
            routes.add((method, pattern.removesuffix('/*'), access))
        written = set()
        for method, path, operation in self.spec.operations():
            if operation.get('tags') == ['page']:
                continue
            access = 'open' if operation.get('security') == [] else 'token'
            written.add((method, re.sub(r'{\w+}', '{}', path), access))
        self.assertEqual(routes, written)

    def test_2_no_operation_but_the_open_ones_is_served_without_the_token(self):
        for method, path, operation in self.spec.operations():
            with self.subTest(method=method, path=path):
                target = re.sub(r'{\w+}', 'x', path)
                is_open = operation.get('security') == []
                for token in (None, 'wrong'):
                    answer = self.node.call(method, target, token=token)
                    if is_open:
                        self.assertEqual(answer.status, 200)
                        continue
                    self.assertEqual(answer.status, 401)
                    self.assertEqual(answer.headers['www-authenticate'], 'Bearer')
                    self.spec.check(method, path, answer)

    def expect(self, status, method, path, target=None, node=None, **how):
        answer = (node or self.node).call(method, target or path, **how)
        self.assertEqual(answer.status, status, f'{method} {target or path}: {answer.body[:300]}')
        self.spec.check(method, path, answer)
        if status < 300:
            self.done.add((method, path))
        return answer

    def put(self, body, query='', **how):
        answer = self.expect(200, 'POST', '/api/v1/files', '/api/v1/files' + query, body=body, **how)
        self.assertEqual(answer.lines()[-1]['event'], 'done')
        return answer.lines()[-1]['id']

    def test_3_every_operation_answers_as_the_file_says(self):
        self.node_and_plugins()
        self.files()
        self.pins_and_space()
        self.refusals()
        self.expect(202, 'POST', '/api/v1/shutdown', node=self.other)
        called = {(method, path) for method, path, _ in self.spec.operations()}
        self.assertEqual(called, self.done, 'operations that this test does not call')

    def node_and_plugins(self):
        for path in ('/healthz', '/metrics', '/', '/dashboard.css', '/dashboard.js', '/chart.js',
                     '/api/v1/dashboard', '/api/v1/id', '/api/v1/status', '/api/v1/plugins',
                     '/api/v1/slots', '/api/v1/settings'):
            self.expect(200, 'GET', path)
        self.expect(200, 'POST', '/api/v1/peers', headers=JSON,
                    body=json.dumps({'address': self.other.address}))
        peers = self.expect(200, 'GET', '/api/v1/peers').json()
        self.assertEqual(len(peers['peers']), 1)
        swapped = self.expect(200, 'PUT', '/api/v1/slots/{kind}', '/api/v1/slots/chunking',
                              headers=JSON,
                              body='{"plugin": "fixed", "settings": {"size": "64KiB"}}').json()
        self.assertEqual(swapped['settings']['size'], '64KiB')

    def files(self):
        folder = self.node.folder.name
        data = os.urandom(1_000_000)
        lone = self.put(data, '?redundancy=copies:1&receipts=1&name=lone')
        read = self.expect(200, 'GET', '/api/v1/files/{id}', '/api/v1/files/' + lone)
        self.assertEqual(read.body, data)
        self.expect(206, 'GET', '/api/v1/files/{id}', '/api/v1/files/' + lone,
                    headers={'Range': 'bytes=5-9'})
        self.expect(304, 'GET', '/api/v1/files/{id}', '/api/v1/files/' + lone,
                    headers={'If-None-Match': f'"{lone}"'})
        self.expect(416, 'GET', '/api/v1/files/{id}', '/api/v1/files/' + lone,
                    headers={'Range': 'bytes=5000000-'})
        self.expect(200, 'HEAD', '/api/v1/files/{id}', '/api/v1/files/' + lone)
        self.expect(200, 'GET', '/api/v1/files')
        self.expect(200, 'GET', '/api/v1/stat/{id}', '/api/v1/stat/' + lone)
        self.expect(200, 'GET', '/api/v1/health/{id}', '/api/v1/health/' + lone)
        self.expect(202, 'POST', '/api/v1/files/{id}/redundancy',
                    '/api/v1/files/lone/redundancy?redundancy=copies:1')
        # A put that is under way long enough to be reported, with more copies than there are peers.
        self.put(os.urandom(8_000_000), '?redundancy=copies:3&name=wide')

        os.makedirs(folder + '/tree/below')
        with open(folder + '/tree/below/file', 'wb') as file:
            file.write(data * 60)
        tree = self.put(None, f'?local=1&name=tree&path={folder}/tree', over_socket=True)
        self.expect(200, 'GET', '/api/v1/list/{id}', '/api/v1/list/' + tree)
        tar = self.expect(200, 'GET', '/api/v1/files/{id}', '/api/v1/files/' + tree)
        self.assertEqual(tar.type, 'application/x-tar')
        # The other node gets it from this one.
        exported = self.expect(200, 'POST', '/api/v1/files/{id}/export',
                               f'/api/v1/files/{tree}/export?path={folder}/copy', node=self.other,
                               over_socket=True).lines()[-1]
        self.assertEqual(exported['served'][0]['peer'],
                         self.expect(200, 'GET', '/api/v1/id').json()['id'])
        with open(folder + '/copy/below/file', 'rb') as file:
            self.assertEqual(file.read(), data * 60)
        self.expect(409, 'POST', '/api/v1/files/{id}/export',
                    f'/api/v1/files/{tree}/export?path={folder}/copy', over_socket=True)
        self.expect(200, 'DELETE', '/api/v1/files/{id}', '/api/v1/files/tree')
        self.lone = lone
        self.expect(200, 'GET', '/api/v1/peers')  # By now with the time of a round trip.

    def pins_and_space(self):
        pin = '/api/v1/pins/' + self.lone
        self.expect(200, 'PUT', '/api/v1/pins/{id}', pin)
        self.assertEqual(len(self.expect(200, 'GET', '/api/v1/pins').json()['pins']), 1)
        self.expect(200, 'DELETE', '/api/v1/pins/{id}', pin)
        self.expect(404, 'DELETE', '/api/v1/pins/{id}', pin)
        self.expect(200, 'POST', '/api/v1/gc')

    def refusals(self):
        missing = 'bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
        self.expect(404, 'DELETE', '/api/v1/files/{id}', '/api/v1/files/nothere')
        self.expect(404, 'GET', '/api/v1/stat/{id}', f'/api/v1/stat/{missing}?offline=1')
        self.expect(404, 'GET', '/api/v1/list/{id}', f'/api/v1/list/{missing}?offline=1')
        self.expect(400, 'GET', '/api/v1/files/{id}', '/api/v1/files/%zz')
        self.expect(404, 'POST', '/api/v1/files/{id}/redundancy',
                    '/api/v1/files/nothere/redundancy?redundancy=copies:1')
        self.expect(400, 'POST', '/api/v1/files/{id}/redundancy',
                    '/api/v1/files/lone/redundancy?redundancy=rs:9')
        self.expect(403, 'POST', '/api/v1/files', '/api/v1/files?path=/etc/passwd')
        slot = '/api/v1/slots/{kind}'
        self.expect(501, 'PUT', slot, '/api/v1/slots/storage', headers=JSON,
                    body='{"plugin": "sqlite"}')
        self.expect(404, 'PUT', slot, '/api/v1/slots/chunking', headers=JSON,
                    body='{"plugin": "none"}')
        self.expect(400, 'PUT', slot, '/api/v1/slots/chunking', headers=JSON,
                    body='{"plugin": "fixed", "settings": {"size": "9GiB"}}')
        self.expect(415, 'PUT', slot, '/api/v1/slots/chunking', body='plugin=fixed',
                    headers={'Content-Type': 'text/plain'})
        self.expect(405, 'PUT', slot, '/api/v1/status')
        self.expect(503, 'POST', '/api/v1/peers', headers=JSON,
                    body='{"address": "/ip4/127.0.0.1/tcp/1"}')

    def test_4_every_field_of_the_file_was_seen(self):
        missing = []
        for method, path, operation in self.spec.operations():
            for status, response in operation['responses'].items():
                if not status.startswith('2'):
                    continue
                for kind, content in self.spec.resolve(response).get('content', {}).items():
                    if kind not in ('application/json', 'application/x-ndjson'):
                        continue
                    for field in self.spec.fields(content['schema'], f'{method} {path}'):
                        if field not in self.spec.seen and not (
                                UNSEEN & set(re.split(r'[.\[\] ]+', field))
                                or field.split('.')[-2:-1] == ['error']
                                or field.endswith('.error')):
                            missing.append(field)
        self.assertEqual(missing, [])


if __name__ == '__main__':
    unittest.main()
