// The dashboard in a real browser: a file is put, seen and got back, and the chunker swapped, as a person would
// do it. L2PKERNEL, L2P: the programs; CHROMIUM: the browser; SCREENSHOTS: a folder to keep pictures in, if set.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import puppeteer from 'puppeteer-core'
import { run, start } from './js_peer.mjs'

const content = 'seen by a person\n'.repeat(200_000)

let browser, folder, node, page, url
const faults = [] // What the page or its policy complained about.

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'l2p-dashboard-'))
  const api = join(folder, 'admin.sock')
  node = await start(process.env.L2PKERNEL, [`data.dir=${folder}`, 'admin.listen=127.0.0.1:0',
    'transport.tcp.listen=/ip4/127.0.0.1/tcp/0'], /^ready /)
  const told = await run(process.env.L2P, ['dashboard', '--api', api])
  assert.equal(told.code, 0, told.output)
  url = told.output.trim()
  browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    userDataDir: join(folder, 'browser')
  })
  page = await browser.newPage()
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => { if (message.type() === 'error') faults.push(message.text()) })
})

after(async () => {
  await browser?.close()
  node?.child.kill('SIGTERM')
  assert.equal(await node?.exited, 0)
  await rm(folder, { recursive: true })
})

const textOf = (selector) => page.$eval(selector, (found) => found.textContent)
const waitForText = (selector, text) => page.waitForFunction(
  (where, what) => document.querySelector(where)?.textContent.includes(what), {}, selector, text)

test('the address that l2p dashboard prints opens the page, and the token leaves the address bar', async () => {
  await page.setViewport({ width: 1600, height: 1000 })
  await page.goto(url)
  await waitForText('#status', 'connected')
  assert.match(await textOf('#identity'), /^12D3Koo/)
  assert.equal(page.url().includes('token'), false)
})

test('a file is put, listed and got back', async () => {
  const file = join(folder, 'seen.txt')
  await writeFile(file, content)
  await (await page.$('#picker')).uploadFile(file)
  await waitForText('#transfers', 'seen.txt: baf')
  await waitForText('#files tbody', 'seen.txt')
  const session = await page.createCDPSession()
  const downloads = join(folder, 'downloads')
  await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: downloads, eventsEnabled: true })
  const ended = new Promise((resolve) => session.on('Browser.downloadProgress',
    (event) => { if (event.state !== 'inProgress') resolve(event.state) }))
  await page.focus('[aria-label="Download seen.txt"]')
  await page.keyboard.press('Enter')
  assert.equal(await ended, 'completed')
  assert.deepEqual(await readdir(downloads), ['seen.txt'])
  assert.equal(await readFile(join(downloads, 'seen.txt'), 'utf8'), content)
})

test('the chunker is swapped, and a wrong setting says why it is not', async () => {
  await page.select('#swap-name', 'fastcdc')
  await page.click('#swap-form button')
  await waitForText('#swap-result', 'chunking is fastcdc now')
  await waitForText('#plugins tbody', 'fastcdc')
  await page.type('#swap-settings', 'nonsense=1')
  await page.click('#swap-form button')
  await waitForText('#swap-result', 'nonsense')
})

test('it fits narrow and wide windows, light and dark', async () => {
  for (const width of [400, 1600]) {
    for (const scheme of ['light', 'dark']) {
      await page.setViewport({ width, height: 1000 })
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
      await page.waitForFunction(() => document.documentElement.scrollWidth <= innerWidth)
      const [text, ground] = await page.$eval('.card', (card) => {
        const style = getComputedStyle(card)
        return [style.color, style.backgroundColor].map((color) =>
          color.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0))
      })
      assert.ok(scheme === 'dark' ? text > ground : text < ground, `${scheme}: ${text} on ${ground}`)
      if (process.env.SCREENSHOTS) {
        await page.screenshot({ path: join(process.env.SCREENSHOTS, `${width}-${scheme}.png`), fullPage: true })
      }
    }
  }
})

test('without the token nothing is shown, and the right one opens the page', async () => {
  const other = await (await browser.createBrowserContext()).newPage()
  await other.goto(new URL('/', url).href)
  await other.waitForSelector('#login:not([hidden])')
  await other.type('#token', 'wrong')
  await other.keyboard.press('Enter')
  await other.waitForFunction(() => document.querySelector('#login-error').textContent.includes('token'))
  assert.equal(await other.$eval('#files tbody', (rows) => rows.children.length), 0)
  await other.type('#token', new URLSearchParams(new URL(url).hash.slice(1)).get('token'))
  await other.keyboard.press('Enter')
  await other.waitForFunction(() => document.querySelector('#files tbody').textContent.includes('seen.txt'))
})

test('the page had no fault, and asked for nothing elsewhere', () => {
  // 400: the setting that was wrong.
  assert.deepEqual(faults.filter((fault) => !/status of 400/.test(fault)), [])
})
