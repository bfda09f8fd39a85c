// A js-libp2p node for tests, and the programs of l2p as child processes.
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export const echoProtocol = '/test/echo/1.0.0'

export async function startJs (services = {}) {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
    // A stream counts until both ends have closed it, and the next ping need not wait for that.
    services: { identify: identify(), ping: ping({ maxOutboundStreams: 8 }), ...services },
    connectionManager: { inboundConnectionThreshold: 1000 }
  })
  await node.handle(echoProtocol, async (stream) => {
    for await (const chunk of stream) {
      if (!stream.send(chunk.subarray())) await stream.onDrain()
    }
    await stream.close()
  })
  return node
}

// Starts `command` and resolves with its first line that `wanted` matches.
export async function start (command, args, wanted) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (wanted.test(text)) resolve(text)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}, not ready`)))
  })
  return { child, line, exited }
}

// Runs `command` to its end and resolves with { code, output }.
export async function run (command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (data) => { output += data })
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { code, output }
}

// Starts l2pkernel in `folder` with more `settings`; `api` is where `l2p` finds it.
export async function startNode (folder, settings) {
  const api = join(folder, 'admin.sock')
  const shipped = process.env.L2P_SETTINGS ? ['-c', process.env.L2P_SETTINGS] : []
  const node = await start(process.env.L2PKERNEL, [...shipped, `data.dir=${folder}`,
    'admin.listen=127.0.0.1:0', `admin.socket=${api}`,
    'transport.tcp.listen=/ip4/127.0.0.1/tcp/0', ...settings], /^ready /)
  const peer = /peer=(\S+)/.exec(node.line)[1]
  const listening = /\/ip4\/127\.0\.0\.1\/tcp\/\d+/.exec(node.line)[0]
  return { ...node, api, peer, address: multiaddr(`${listening}/p2p/${peer}`) }
}

// Ends what startNode started; it must drain.
export async function stopNode (node) {
  node.child.kill('SIGTERM')
  assert.equal(await node.exited, 0)
}

// Sends `bytes` through the echo of `address` and resolves with what came back.
export async function echo (node, address, bytes) {
  const stream = await node.dialProtocol(address, echoProtocol)
  const received = []
  const reading = (async () => {
    for await (const chunk of stream) received.push(Buffer.from(chunk.subarray()))
  })()
  for (let at = 0; at < bytes.length; at += 65536) {
    if (!stream.send(bytes.subarray(at, at + 65536))) await stream.onDrain()
  }
  await stream.close()
  await reading
  return Buffer.concat(received)
}
