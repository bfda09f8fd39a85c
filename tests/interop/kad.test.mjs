// One distributed hash table of l2p's nodes and of js-libp2p's: each finds peers, and providers of
// an id, by way of the other.
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'
import { CID } from 'multiformats/cid'
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run, startJs, startNode, stopNode } from './js_peer.mjs'

const protocol = '/l2p/kad/1.0.0'
const limit = 30000

let folder, entry, other, first, second

async function startDht () {
  return await startJs({
    dht: kadDHT({ protocol, clientMode: false, peerInfoMapper: passthroughMapper })
  })
}

// Resolves when `condition` does not throw any more.
async function eventually (condition, patience = limit) {
  const deadline = Date.now() + patience
  for (;;) {
    try {
      return await condition()
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function closestTo (js, key) {
  const peers = []
  for await (const event of js.services.dht.getClosestPeers(key, { signal: AbortSignal.timeout(limit) })) {
    if (event.name === 'FINAL_PEER') peers.push(String(event.peer.id))
  }
  return peers
}

async function providersOf (js, cid) {
  const providers = []
  for await (const event of js.services.dht.findProviders(cid, { signal: AbortSignal.timeout(limit) })) {
    if (event.name === 'PROVIDER') providers.push(...event.providers.map(({ id }) => String(id)))
  }
  return providers
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'l2p-interop-'))
  entry = await startNode(join(folder, 'entry'), ['network.bootstrap='])
  other = await startNode(join(folder, 'other'), [`network.bootstrap=${entry.address}`])
  first = await startDht()
  second = await startDht()
  // Both know the entry alone; each other they have to find.
  await first.dial(entry.address)
  await second.dial(entry.address)
})

after(async () => {
  await first?.stop()
  await second?.stop()
  for (const node of [other, entry]) if (node !== undefined) await stopNode(node)
  await rm(folder, { recursive: true })
})

test('js finds every node, l2p\'s and its own kind, by asking a node of l2p', async () => {
  await eventually(async () => {
    const found = await closestTo(first, new TextEncoder().encode('some key'))
    for (const peer of [entry.peer, other.peer, String(second.peerId)]) {
      assert.ok(found.includes(peer), `${peer} in ${found}`)
    }
  })
})

test('js finds the address of a node by its id', async () => {
  const found = await first.peerRouting.findPeer(peerIdFromString(other.peer),
    { signal: AbortSignal.timeout(limit) })
  assert.ok(found.multiaddrs.map(String).some((address) => other.address.toString().startsWith(address)))
})

test('what js announces is kept by l2p\'s nodes and told to others', async () => {
  const cid = CID.parse('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')
  for await (const event of first.services.dht.provide(cid, { signal: AbortSignal.timeout(limit) })) {
    assert.notEqual(event.name, 'QUERY_ERROR')
  }
  await first.stop() // From here on only others can tell.
  const late = await startDht()
  try {
    await late.dial(entry.address)
    await eventually(async () => {
      assert.deepEqual(await providersOf(late, cid), [String(first.peerId)])
    })
  } finally {
    await late.stop()
  }
})

test('js finds the holders of a file that was put with l2p', async () => {
  const file = join(folder, 'file')
  await writeFile(file, 'a file of one block\n')
  const { code, output } = await run(process.env.L2P, ['put', file, '--api', entry.api])
  assert.equal(code, 0, output)
  await eventually(async () => {
    const found = await providersOf(second, CID.parse(output.trim()))
    assert.ok(found.includes(other.peer), `${other.peer} in ${found}`)
  })
})

// A node that starts announces all it holds, and again a minute later if it has got to know more
// peers; this one comes too late to hear of the puts.
test('js keeps every record of those that a node of l2p tells on one stream', async () => {
  const data = join(folder, 'third')
  const settings = [`network.bootstrap=${entry.address}`]
  let third = await startNode(data, settings)
  const cids = []
  for (let i = 0; i < 10; ++i) {
    const file = join(folder, `many${i}`)
    await writeFile(file, `file ${i} of many\n`)
    const { code, output } = await run(process.env.L2P, ['put', file, '--api', third.api])
    assert.equal(code, 0, output)
    cids.push(CID.parse(output.trim()))
  }
  await stopNode(third)
  const late = await startDht()
  try {
    await late.dial(entry.address)
    third = await startNode(data, settings)
    try {
      await eventually(async () => {
        for (const cid of cids) {
          const kept = await late.services.dht.providers.getProviders(cid)
          assert.ok(kept.map(String).includes(third.peer), `${third.peer} in ${kept}`)
        }
      }, 80000)
    } finally {
      await stopNode(third)
    }
  } finally {
    await late.stop()
  }
})
