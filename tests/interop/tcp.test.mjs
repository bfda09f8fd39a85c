// The tcp transport and js-libp2p over TLS 1.3 and yamux. TCP_PEER: the program tcp_peer.
import { multiaddr } from '@multiformats/multiaddr'
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { echo, run, start, startJs } from './js_peer.mjs'

const program = process.env.TCP_PEER
const megabytes = 8

let js, peer, address

before(async () => {
  js = await startJs()
  peer = await start(program, [], /^ready /)
  address = multiaddr(peer.line.split(' ')[1])
})

after(async () => {
  await js.stop()
  peer.child.stdin.end()
  assert.equal(await peer.exited, 0)
})

test('js dials us and pings', async () => {
  for (let i = 0; i < 3; i++) assert.ok(await js.services.ping.ping(address) < 5000)
})

test('js gets back what it sends through our echo', async () => {
  const bytes = randomBytes(megabytes << 20)
  assert.ok((await echo(js, address, bytes)).equals(bytes))
})

test('js opens many streams at once', async () => {
  const all = Array.from({ length: 60 }, async (_, i) => {
    const bytes = randomBytes(1000 + i)
    assert.ok((await echo(js, address, bytes)).equals(bytes))
  })
  await Promise.all(all)
})

test('js learns that we do not speak a protocol', async () => {
  await assert.rejects(js.dialProtocol(address, '/test/unknown/1.0.0'))
})

test('js refuses us under another peer id', async () => {
  const other = multiaddr(address.toString().replace(/p2p\/.*/, `p2p/${js.peerId}`)
    .replace(String(js.peerId), '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'))
  await assert.rejects(js.dial(other))
})

test('we dial js and get back what we send through its echo', async () => {
  const { code, output } = await run(program, [String(js.getMultiaddrs()[0]), String(megabytes << 20)])
  assert.equal(output.trim(), 'echoed')
  assert.equal(code, 0)
})

test('we notice that js is not the peer we dial', async () => {
  const wrong = String(js.getMultiaddrs()[0])
    .replace(/p2p\/.*/, 'p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN')
  const { code, output } = await run(program, [wrong, '1'])
  assert.match(output, /DATA_LOSS/)
  assert.equal(code, 1)
})
