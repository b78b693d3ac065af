// Every page on a desk and on a phone: no error in the console, nothing wider than the screen, no serious finding of
// axe, no raw code, undefined or English sentence where people read.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { DESKTOP, PHONE, Stage, until, WALL } from './harness.mjs'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let stage, lots, drafted

before(async () => {
  stage = await Stage.open()
  lots = (await stage.platform.get('/api/lots?limit=100')).items
  const { people } = await stage.platform.get('/api/rehearsal')
  const login = await fetch(`${stage.platform.url}/api/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ login: 'agency1', password: people.find((p) => p.login === 'agency1').password }) })
  const cookie = login.headers.getSetCookie().map((c) => c.split(';')[0]).join('; ')
  drafted = (await (await fetch(`${stage.platform.url}/api/lots?state=drafting`, { headers: { cookie } })).json()).items.find((l) => l.kind === 'GOV').id
})
after(() => stage?.close())

const lotIn = (opening, state) => lots.find((l) => l.openingState === opening && (!state || l.state === state)).id
const OPENING_STATES = [
  'scheduled', 'lobby_open', 'started', 'roster_published', 'decrypting', 'decrypt_closed', 'imported', 'announcing', 'objection_window', 'record_confirming', 'closed',
  'aborted_lt3', 'postponed', 'reconvened', 'between_sessions',
]

/** Words that may stand in Latin letters where people read: names of things, units, codes set apart as codes. */
const LATIN = /https?:\/\/\S+|Caps Lock|\bPDF\b|\bSM[234]\b|\bVRF\b|\bCA\b|\bUSB\b|\bU 盘|\bWD\b|\b[A-Z]{1,4}-[A-Z0-9-]+\b|\bR\d{2}(-\d)?\b|Yanlian-2026/g

/** What nobody should read on a page of ours. */
function badWords(text) {
  const found = []
  for (const bad of ['undefined', '[object', 'NaN', 'null', 'Invalid Date', '{{', 'Error:']) if (text.includes(bad)) found.push(bad)
  for (const [stamp] of text.matchAll(/\d{4}-\d\d-\d\dT\d\d:\S*/g)) found.push(stamp) // a time as machines write it
  const plain = text.replace(LATIN, ' ')
  for (const [code] of plain.matchAll(/\b[a-z]+(?:_[a-z0-9]+)+\b/g)) found.push(code) // an enumeration as the program spells it
  for (const line of plain.split('\n')) if (/(?:\b[A-Za-z]{2,}\b[ ,.]+){2}\b[A-Za-z]{2,}\b/.test(line)) found.push(`English: ${line.trim()}`)
  return [...new Set(found)]
}

/** The words of a page without what is set apart as a code for the help desk, and without what people typed. */
const words = (page) => page.evaluate(() => {
  const copy = document.body.cloneNode(true)
  for (const e of copy.querySelectorAll('.jb-code, .jb-digest, script, style, svg, pre, code')) e.remove()
  const shown = document.createElement('div')
  shown.append(...copy.childNodes)
  document.body.append(shown)
  const text = shown.innerText
  shown.remove()
  return text
})

/** What axe finds on the page that is serious or critical. */
async function barriers(page) {
  await page.evaluate(AXE)
  const violations = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ['violations'] })).violations)
  return violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `axe ${v.id}: ${v.nodes.slice(0, 2).map((n) => `${n.target.join(' ')} ${n.any[0]?.message ?? ''}`).join(' | ')}`)
}

/** How far the page is wider than the screen, and what sticks out. */
const overflow = (page) => page.evaluate(() => {
  const { clientWidth, scrollWidth } = document.documentElement
  if (scrollWidth <= clientWidth) return []
  const out = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > clientWidth + 1)
  return [`${scrollWidth - clientWidth} px wider than the screen: ${out.slice(-3).map((e) => `${e.tagName}.${e.className}`).join(' ')}`]
})

/** Everything that is wrong with the page as it stands. */
async function check(page) {
  return [...(await overflow(page)), ...badWords(await words(page)).map((w) => `reads “${w}”`), ...(await barriers(page))]
}

async function look(seat, where, sight, ready) {
  const { page } = seat
  await page.setViewportSize(sight)
  await seat.go(where)
  await (ready ? ready(page) : page.getByRole('heading', { level: 1 }).first().waitFor())
  await until('the page to be still', () => page.evaluate(() => document.querySelectorAll('.busy').length === 0), 15_000)
  const found = [...(await check(page)), ...seat.faults.splice(0)]
  const lot = lots.find((l) => where.includes(l.id))
  const name = `page-${sight.width}-${seat.name}${where.replace(lot?.id ?? '-', `${lot?.state} ${lot?.openingState}`).replaceAll(/\W+/g, '-')}`
  if (found.length || process.env['SHOTS']) await seat.shot(name)
  return found.map((f) => `${sight.width} ${seat.name} ${where}: ${f}`)
}

/** One visitor's pages at both sizes; everything that is wrong is told at once. */
function tour(name, login, pages) {
  test(`pages of ${name}`, async () => {
    const seat = await stage.seat(name)
    if (login) await seat.enter(login)
    const found = []
    await stage.play(name, async () => {
      for (const { where, sights = [DESKTOP, PHONE], ready } of pages()) {
        for (const sight of sights) found.push(...(await look(seat, where, sight, ready).catch((e) => [`${sight.width} ${name} ${where}: ${e.message.split('\n')[0]}`])))
      }
    })
    await seat.close()
    assert.deepEqual(found, [])
  })
}

const inHall = (page) => page.getByText('连接正常').waitFor()
const hall = (state, sights) => ({ where: `/lots/${lotIn(state)}/hall`, ready: inHall, sights })
const unlocked = async (page) => {
  const field = page.locator('#vault-pass')
  await Promise.race([field.waitFor(), page.getByRole('heading', { name: /回执|我关注|投标人与签字|在不联网的电脑上制作/ }).first().waitFor()])
  if (!(await field.isVisible())) return
  await field.fill('Yanlian-2026')
  await page.getByRole('button', { name: '打开保险箱' }).click()
  await field.waitFor({ state: 'detached' })
}

/** A lot whose document has a form with a bill. */
const lotWithForm = () => lots.find((l) => l.state === 'published' && l.project.name.includes('塘沟')).id
const formed = async (page) => {
  await unlocked(page)
  await page.getByText(/还缺 \d+ 项/).first().waitFor()
}

tour('visitor', '', () => [
  { where: '/', ready: (page) => page.getByText('老旧小区').first().waitFor() },
  { where: `/lots/${lots.find((l) => l.state === 'published' && l.kind === 'GOV').id}/notices/1` },
  ...['published', 'cut_off', 'opened', 'failed', 'terminated'].map((s) => ({ where: `/lots/${lots.find((l) => l.state === s).id}` })),
  { where: '/login', ready: (page) => page.getByText('演练城市的人员').waitFor() },
  { where: '/deadline' }, { where: '/rehearsal', ready: (page) => page.getByRole('button', { name: '开始一场演练' }).waitFor() }, { where: '/nowhere' },
  hall('decrypting'), hall('closed'),
])
tour('wall', '', () => OPENING_STATES.map((s) => ({ where: `/lots/${lotIn(s)}/screen`, sights: s === 'announcing' ? [WALL, PHONE] : [WALL], ready: inHall })))
tour('buyer', 'buyer1', () => [{ where: '/desk' }, { where: '/desk/new', ready: (page) => page.locator('#p-name').waitFor() }, hall('roster_published', [DESKTOP])])
tour('agency', 'agency1', () => [{ where: '/desk' }, { where: '/desk/new' }, ...OPENING_STATES.map((s) => hall(s, ['started', 'objection_window'].includes(s) ? [DESKTOP, PHONE] : [DESKTOP]))])
tour('drafting', 'agency1', () => ['3', '4', '5'].map((step) => ({ where: `/desk/new?lot=${drafted}&step=${step}`, ready: (page) => page.getByRole('button', { name: /下一步$|^发布招标公告$/ }).waitFor() })))
tour('supervisor', 'supervisor1', () => [{ where: '/desk' }, hall('decrypting'), hall('record_confirming', [DESKTOP])])
tour('bidder', 'bidder1', () => [
  { where: '/desk', ready: unlocked }, { where: '/vault', ready: unlocked }, { where: `/bids/new/${lotIn('scheduled', 'published')}`, ready: unlocked },
  { where: `/bids/new/${lotWithForm()}`, ready: formed }, { where: `/bids/offline/${lotWithForm()}`, ready: unlocked },
  ...OPENING_STATES.map((s) => hall(s, ['decrypting', 'announcing'].includes(s) ? [DESKTOP, PHONE] : [DESKTOP])),
])
tour('newcomer', 'bidder30', () => [{ where: '/account', ready: (page) => page.getByText('已登录的地方').waitFor() }, { where: '/vault', ready: (page) => page.locator('#vault-legal').waitFor() }])

test('the deadline calculator computes and shows 2026-03-06 and 3 working days', async () => {
  const seat = await stage.seat('calculator')
  await stage.play('calculator', async () => {
    const { page } = seat
    await seat.go('/deadline')
    await page.fill('#from', '2026-03-06')
    await page.press('#from', 'Enter')
    await page.fill('#n', '3')
    await seat.button('计算期限').click()
    const bound = page.locator('.answer .bound')
    await bound.waitFor()
    assert.match(await page.locator('.answer').innerText(), /2026-03-11|2026年3月11日/)
    assert.match(page.url(), /from=2026-03-06/)
    assert.match(await page.locator('.months').innerText(), /最迟/)
    await seat.shot('deadline')
    assert.deepEqual([...(await check(page)), ...stage.faults()], [])
  })
  await seat.close()
})

test('the checks themselves find what is wrong', async () => {
  const seat = await stage.seat('planted', { viewport: PHONE })
  await seat.page.setContent('<html lang="zh-CN"><title>页</title><main><h1>undefined</h1><p>status no_part 2026-03-03T09:30:00+08:00</p><p>Please try again later</p><button></button><div style="width:900px">宽</div></main>')
  const found = (await check(seat.page)).join('\n')
  for (const part of ['undefined', 'no_part', '2026-03-03T09:30', 'Please try again later', 'axe button-name', 'px wider']) assert.ok(found.includes(part), `${part} is not found:\n${found}`)
  await seat.close()
})
