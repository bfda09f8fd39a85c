// A whole node and js-libp2p: dialled over TLS and yamux, identified, pinged; and the other way
// round. (L2PKERNEL, L2P: the programs; L2P_SETTINGS: its node.properties. So in all tests with nodes.)
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run, startJs, startNode, stopNode } from './js_peer.mjs'

const client = process.env.L2P

let js, node, folder

before(async () => {
  js = await startJs()
  folder = await mkdtemp(join(tmpdir(), 'l2p-interop-'))
  node = await startNode(folder, ['network.bootstrap='])
})

after(async () => {
  await js.stop()
  if (node === undefined) return // It did not start, and the tests say so.
  await stopNode(node)
  await rm(folder, { recursive: true })
})

test('js dials the node and pings it', async () => {
  assert.ok(await js.services.ping.ping(node.address) < 5000)
})

test('identify tells js who the node is and what it speaks', async () => {
  const connection = await js.dial(node.address)
  const told = await js.services.identify.identify(connection)
  assert.equal(String(told.peerId), node.peer)
  assert.match(told.agentVersion, /^l2p\//)
  assert.ok(told.protocols.includes('/ipfs/id/1.0.0'))
  assert.ok(told.protocols.includes('/ipfs/ping/1.0.0'))
  assert.ok(told.listenAddrs.length > 0)
})

test('the node dials js', async () => {
  for (const connection of js.getConnections()) await connection.close()
  const target = String(js.getMultiaddrs()[0])
  const { code, output } = await run(client, ['connect', target, '--api', node.api])
  assert.equal(code, 0, output)
  assert.ok(js.getConnections().some((connection) => connection.direction === 'inbound'))
})
