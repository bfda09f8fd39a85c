// Ids: what l2p and the importer of js-ipfs make of the same files and folders is the same dag.
import { MemoryBlockstore } from 'blockstore-core'
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run, startNode, stopNode } from './js_peer.mjs'

const MiB = 1048576
const profiles = {
  'unixfs-v1-2025': { profile: 'unixfs-v1-2025' },
  'unixfs-v1-256k': {
    cidVersion: 1, rawLeaves: true, chunker: fixedSize({ chunkSize: MiB / 4 }),
    layout: balanced({ maxChildrenPerNode: 174 })
  }
}

let folder, node

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'l2p-interop-'))
  node = await startNode(join(folder, 'node'), ['network.bootstrap='])
})

after(async () => {
  if (node !== undefined) await stopNode(node)
  await rm(folder, { recursive: true })
})

// Bytes that repeat nowhere near each other: a 32-bit multiplicative generator.
function seeded (size, seed) {
  const words = new Uint32Array(Math.ceil(size / 4))
  let state = seed >>> 0
  for (let i = 0; i < words.length; ++i) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    words[i] = state ^ (state >>> 15)
  }
  return new Uint8Array(words.buffer, 0, size)
}

async function idByL2p (path, profile) {
  const { code, output } = await run(process.env.L2P,
    ['put', path, '--only-hash', '--profile', profile, '--api', node.api])
  assert.equal(code, 0, output)
  return output.trim()
}

async function idByJs (files, profile) {
  let root
  for await (const entry of importer(files, new MemoryBlockstore(), profiles[profile])) root = entry
  return String(root.cid)
}

for (const profile of Object.keys(profiles)) {
  for (const size of [0, 1, MiB / 4, MiB / 4 + 1, MiB, MiB + 1, 50 * MiB + 7]) {
    test(`a file of ${size} bytes has one id, by ${profile}`, async () => {
      const path = join(folder, `file-${size}`)
      const content = seeded(size, size + 1)
      await writeFile(path, content)
      assert.equal(await idByL2p(path, profile), await idByJs([{ content }], profile))
    })
  }

  test(`a folder with folders has one id, by ${profile}`, async () => {
    const root = join(folder, `tree-${profile}`)
    const files = []
    for (const name of ['a', 'b/c', 'b/ü', 'b/d/long name with spaces', 'z']) {
      const content = seeded(1000 + name.length, name.length)
      const path = join(root, name)
      await mkdir(join(path, '..'), { recursive: true })
      await writeFile(path, content)
      files.push({ path: `root/${name}`, content })
    }
    assert.equal(await idByL2p(root, profile), await idByJs(files, profile))
  })
}

test('a folder too large for one block is cut by the same hash table', async () => {
  const root = join(folder, 'large')
  await mkdir(root)
  const files = []
  for (let i = 0; i < 6000; ++i) {
    const content = new TextEncoder().encode(`${i}\n`)
    await writeFile(join(root, `entry-number-${i}`), content)
    files.push({ path: `large/entry-number-${i}`, content })
  }
  assert.equal(await idByL2p(root, 'unixfs-v1-2025'), await idByJs(files, 'unixfs-v1-2025'))
})
