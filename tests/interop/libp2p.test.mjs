// A whole node and js-libp2p: dialled over TLS and yamux, identified, pinged; and the other way
// round. L2PKERNEL, L2P: the programs; L2P_SETTINGS: its node.properties.
import { multiaddr } from '@multiformats/multiaddr'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run, start, startJs } from './js_peer.mjs'

const kernel = process.env.L2PKERNEL
const client = process.env.L2P

let js, node, address, folder, api

before(async () => {
  js = await startJs()
  folder = await mkdtemp(join(tmpdir(), 'l2p-interop-'))
  api = join(folder, 'admin.sock')
  const settings = process.env.L2P_SETTINGS ? ['-c', process.env.L2P_SETTINGS] : []
  node = await start(kernel, [...settings, `data.dir=${folder}`, 'admin.listen=127.0.0.1:0',
    `admin.socket=${api}`, 'transport.tcp.listen=/ip4/127.0.0.1/tcp/0', 'network.bootstrap='], /^ready /)
  const peer = /peer=(\S+)/.exec(node.line)[1]
  const listening = /\/ip4\/127\.0\.0\.1\/tcp\/\d+/.exec(node.line)[0]
  address = multiaddr(`${listening}/p2p/${peer}`)
})

after(async () => {
  await js.stop()
  if (node === undefined) return // It did not start, and the tests say so.
  node.child.kill('SIGTERM')
  assert.equal(await node.exited, 0)
  await rm(folder, { recursive: true })
})

test('js dials the node and pings it', async () => {
  assert.ok(await js.services.ping.ping(address) < 5000)
})

test('identify tells js who the node is and what it speaks', async () => {
  const connection = await js.dial(address)
  const told = await js.services.identify.identify(connection)
  assert.equal(String(told.peerId), address.toString().split('/p2p/')[1])
  assert.match(told.agentVersion, /^l2p\//)
  assert.ok(told.protocols.includes('/ipfs/id/1.0.0'))
  assert.ok(told.protocols.includes('/ipfs/ping/1.0.0'))
  assert.ok(told.listenAddrs.length > 0)
})

test('the node dials js', async () => {
  for (const connection of js.getConnections()) await connection.close()
  const target = String(js.getMultiaddrs()[0])
  const { code, output } = await run(client, ['connect', target, '--api', api])
  assert.equal(code, 0, output)
  assert.ok(js.getConnections().some((connection) => connection.direction === 'inbound'))
})
