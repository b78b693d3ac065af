// What every browser test stands on: the built program on a free port with a fresh rehearsal city, one Chromium, and
// browser contexts that note every console error, failed request and answer of 500. Nothing is built or mocked here.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chromium } from 'playwright-core'

const here = import.meta.dirname
const BINARY = path.resolve(here, '..', process.env['JIANBIAO_BIN'] ?? '../../bin/jianbiao')
const BROWSER = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const SHOTS = path.join(here, 'shots')
const READY = 90_000
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-background-timer-throttling', '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows',
]

export const DESKTOP = { width: 1366, height: 768 }
export const PHONE = { width: 390, height: 844 }
export const WALL = { width: 1920, height: 1080 }

/** The smallest whole PDF that carries the text. */
export function pdf(text) {
  const body = `%PDF-1.4\n%${text}\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n`
  return Buffer.from(`${body}xref\n0 1\n0000000000 65535 f \ntrailer\n<</Size 3/Root 1 0 R>>\nstartxref\n${Buffer.byteLength(body)}\n%%EOF\n`)
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Asks again until check gives something truthy; the message says what did not come. */
export async function until(what, check, timeout = 30_000) {
  for (const end = Date.now() + timeout; ; await pause(150)) {
    const got = await check()
    if (got) return got
    if (Date.now() > end) throw new Error(`not within ${timeout / 1000} s: ${what}`)
  }
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** The platform, started as a newcomer starts it. */
class Platform {
  static async start() {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: build it first (make build), or name another in JIANBIAO_BIN`)
    const p = new Platform()
    p.port = await freePort()
    p.url = `http://127.0.0.1:${p.port}`
    p.data = mkdtempSync(path.join(tmpdir(), 'jianbiao-e2e-'))
    p.log = ''
    p.child = spawn(BINARY, ['serve', '--rehearsal', '--data', p.data, '--addr', `127.0.0.1:${p.port}`], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, DATABASE_URL: '' } })
    const note = (chunk) => (p.log = (p.log + chunk).slice(-400_000))
    p.child.stdout.on('data', note)
    p.child.stderr.on('data', note)
    p.gone = once(p.child, 'exit')
    // Whatever ends this process ends the platform too.
    p.atExit = () => p.child.kill('SIGTERM')
    process.once('exit', p.atExit)
    try {
      await until('health of the platform', async () => {
        if (p.child.exitCode !== null) throw new Error(`the platform ended at once:\n${p.log}`)
        return fetch(`${p.url}/api/health`).then((r) => r.ok, () => false)
      }, READY)
    } catch (cause) {
      await p.stop()
      throw cause
    }
    return p
  }

  async stop() {
    process.off('exit', this.atExit)
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM')
      const late = setTimeout(() => this.child.kill('SIGKILL'), 20_000)
      await this.gone
      clearTimeout(late)
    }
    rmSync(this.data, { recursive: true, force: true })
  }

  async get(where) {
    const answer = await fetch(this.url + where)
    if (!answer.ok) throw new Error(`GET ${where}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }

  /** Moves the legal time of the rehearsal: {moveTo}, {advanceSeconds} or {rate}. */
  async clock(input) {
    const answer = await fetch(`${this.url}/api/rehearsal/clock`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(input) })
    if (!answer.ok) throw new Error(`clock ${JSON.stringify(input)}: ${answer.status} ${await answer.text()}`)
  }

  /** Every event of a lot, oldest first; the numbers have no gap. */
  async events(lot) {
    const all = []
    for (;;) {
      const { items } = await this.get(`/api/lots/${lot}/events?after=${all.length}&limit=500`)
      for (const e of items ?? []) {
        if (e.seq !== all.length + 1) throw new Error(`evidence has a gap: ${e.seq} after ${all.length}`)
        all.push(e)
      }
      if ((items ?? []).length < 500) return all
    }
  }
}

/** A line to the platform that can be cut and mended, as a bidder's own internet may. */
export class Line {
  static async to(port) {
    const line = new Line()
    line.broken = false
    line.sockets = new Set()
    line.server = net.createServer((near) => {
      if (line.broken) return near.destroy()
      const far = net.connect(port, '127.0.0.1')
      for (const [a, b] of [[near, far], [far, near]]) {
        line.sockets.add(a)
        a.on('error', () => b.destroy()).on('close', () => { line.sockets.delete(a); b.destroy() })
        a.pipe(b)
      }
    }).listen(0, '127.0.0.1')
    await once(line.server, 'listening')
    line.url = `http://127.0.0.1:${line.server.address().port}`
    return line
  }
  cut() {
    this.broken = true
    for (const s of this.sockets) s.destroy()
  }
  mend() {
    this.broken = false
  }
  close() {
    this.cut()
    this.server.close()
  }
}

/** One person at one computer: a browser context with one page, and what went wrong in it. */
class Seat {
  constructor(stage, name, context, page, base) {
    Object.assign(this, { stage, name, context, page, base, faults: [], forgiven: [] })
    this.forgive(/^console: \S+\/api\/session .*status of 401/) // nobody is logged in: an answer, not a fault
    page.on('console', (m) => m.type() === 'error' && this.note(`console: ${m.location().url} ${m.text()} `))
    page.on('pageerror', (e) => this.note(`page: ${e.stack ?? e.message}`))
    page.on('response', (r) => r.status() >= 500 && this.note(`answer: ${r.status()} ${r.request().method()} ${r.url()}`))
    page.on('requestfailed', (r) => {
      const why = r.failure()?.errorText ?? ''
      // A page that is left takes its requests along; a download is handed over to the browser.
      if (why !== 'net::ERR_ABORTED') this.note(`request: ${r.method()} ${r.url()} ${why}`)
    })
  }

  note(fault) {
    if (!this.away && !this.forgiven.some((p) => p.test(fault))) this.faults.push(`${this.name}: ${fault} [${this.page.url()}]`)
  }
  forgive(pattern) {
    this.forgiven.push(pattern)
  }

  async go(where) {
    await this.page.goto(this.base + where)
  }
  async shot(name) {
    mkdirSync(SHOTS, { recursive: true })
    await this.page.screenshot({ path: path.join(SHOTS, `${name}.png`) })
  }
  /** Saves what the browser downloaded among the pictures; gives its path. */
  async keep(download, name) {
    const file = path.join(SHOTS, name)
    await download.saveAs(file)
    return file
  }
  button(name) {
    return this.page.getByRole('button', { name, exact: true })
  }
  /** Logs in by clicking the person on the login page. */
  async login(login) {
    const { people } = await this.stage.platform.get('/api/rehearsal')
    const who = people.find((p) => p.login === login)
    await this.go('/login')
    await this.page.locator('.person').filter({ hasText: who.organisation }).filter({ hasText: who.name }).click()
    await this.page.waitForURL('**/desk')
    return who
  }
  /** Logs in without looking at the login page, where another test has looked already. */
  async enter(login) {
    const { people } = await this.stage.platform.get('/api/rehearsal')
    const answer = await this.context.request.post(`${this.base}/api/session`, { data: { login, password: people.find((p) => p.login === login).password } })
    if (!answer.ok()) throw new Error(`login ${login}: ${answer.status()} ${await answer.text()}`)
  }
  close() {
    return this.context.close()
  }
}

/** A platform and a browser with seats in it, for one test file. */
export class Stage {
  static async open() {
    const stage = new Stage()
    stage.seats = []
    stage.platform = await Platform.start()
    try {
      stage.browser = await chromium.launch({ executablePath: BROWSER, headless: true, args: FLAGS })
    } catch (cause) {
      await stage.platform.stop()
      throw cause
    }
    return stage
  }

  async seat(name, { viewport = DESKTOP, base = this.platform.url, ...options } = {}) {
    const context = await this.browser.newContext({ viewport, locale: 'zh-CN', timezoneId: 'Asia/Shanghai', reducedMotion: 'reduce', acceptDownloads: true, ...options })
    context.setDefaultTimeout(20_000)
    const seat = new Seat(this, name, context, await context.newPage(), base)
    this.seats.push(seat)
    return seat
  }

  /** What went wrong in any seat since the last question. */
  faults() {
    return this.seats.flatMap((s) => s.faults.splice(0))
  }

  /** Runs a part of a test; when it fails, every open page is kept as a picture. */
  async play(name, part) {
    try {
      return await part()
    } catch (cause) {
      for (const s of this.seats) if (!s.page.isClosed()) await s.shot(`failed-${name}-${s.name}`).catch(() => undefined)
      cause.message += `\npictures: ${SHOTS}/failed-${name}-*.png\nfaults: ${JSON.stringify(this.faults(), null, 1)}`
      throw cause
    }
  }

  async close() {
    await this.browser.close().catch(() => undefined)
    await this.platform.stop()
  }
}
