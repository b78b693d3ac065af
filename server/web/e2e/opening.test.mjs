// One opening from the project to the record, in browsers only: buyer, agency as host, three bidders each at its own
// computer, and the public screen. One bidder forgets its passphrase, one loses its line in the middle.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { Line, pdf, Stage, until, WALL } from './harness.mjs'

const run = promisify(execFile)
const PROJECT = '青年公园改造提升工程'
const OBJECTION = '请核对一览表中我公司项目负责人的姓名。'
const ANSWER = '经当场核对，一览表与投标函一致。'

const FIRMS = [
  { login: 'bidder21', legal: '沈国安', pass: '运河边的三棵梧桐树-2026', price: '45678901.23', shown: '45,678,901.23' },
  { login: 'bidder22', legal: '韩思远', pass: 'bridge 42 sails north', price: '46880000', shown: '46,880,000.00' },
  { login: 'bidder23', legal: '曹玉梅', pass: '忘记的口令 谁也帮不了', price: '47250000', shown: '47,250,000.00' },
]

let stage, host, wall, lot, deadline, line
const [anne, bram, cora] = FIRMS // objects · loses its line · cannot decrypt

before(async () => {
  stage = await Stage.open()
  line = await Line.to(stage.platform.port)
})
after(async () => {
  line?.close()
  await stage?.close()
})

const snapshot = () => stage.platform.get(`/api/lots/${lot}/snapshot`)
const inState = (state, timeout) => until(`the opening ${state}`, async () => (await snapshot()).state === state, timeout)
/** The one big button of whoever sits there. */
const big = (seat, name) => seat.page.locator('.me .big', { hasText: name })
async function pressed(seat, name) {
  const button = big(seat, name)
  await button.click()
  const ask = seat.page.getByRole('dialog')
  // An act that goes on the record is shown before it is done; its button says the act.
  if (seat === host && (await Promise.race([ask.waitFor({ state: 'visible', timeout: 1500 }).then(() => true, () => false), button.waitFor({ state: 'detached' }).then(() => false, () => false)]))) {
    await ask.getByRole('button', { name }).click()
    await ask.waitFor({ state: 'hidden' })
  }
}
/** A part of the one opening: after a failure the rest has nothing to stand on. */
const part = (name, play) => test(name, async (t) => {
  if (stage.failed) return t.skip('an earlier part failed')
  stage.failed = true
  await stage.play(name.replaceAll(/\W+/g, '-'), play)
  assert.deepEqual(stage.faults(), [], 'a console error, a failed request or a 5xx')
  stage.failed = false
})

part('buyer and agency publish the lot in the pages', async () => {
  const buyer = await stage.seat('buyer')
  await buyer.login('buyer1')
  await buyer.page.getByRole('link', { name: '新建招标' }).click()
  await buyer.page.fill('#p-name', PROJECT)
  await buyer.page.fill('#p-code', '2603-321302-04-01-654321')
  await buyer.page.fill('#p-number', '宿发改审发〔2026〕31号')
  await buyer.page.fill('#p-authority', '宿迁市发展和改革委员会')
  await buyer.page.fill('#p-region', '321302')
  await buyer.page.selectOption('#p-agency', { label: '江苏经纬工程咨询有限公司' })
  await buyer.button('登记项目，下一步').click()
  await buyer.page.locator('#l-name').waitFor()
  await buyer.close()

  host = await stage.seat('host')
  const { page } = host
  await host.login('agency1')
  await page.getByRole('link', { name: '新建招标' }).click()
  await page.getByRole('button', { name: PROJECT }).click()
  await page.fill('#l-name', '施工')
  await page.fill('#l-estimate', '48000000')
  await host.button('建立标段，下一步').click()
  await page.locator('#d-files').setInputFiles({ name: '招标文件.pdf', mimeType: 'application/pdf', buffer: pdf('招标文件') })
  await page.fill('#d-scope', '公园改造的全部内容，以工程量清单和图纸为准。')
  await page.fill('#d-qualification', '具有市政公用工程施工总承包三级及以上资质。')
  await page.fill('#d-ceiling', '48,000,000')
  await page.fill('#d-deposit', '500000')
  await page.getByText('评标基准价使用随机系数').click()
  await host.button('保存招标文件，下一步').click()
  await host.button('保存格式，下一步').click()
  const title = page.locator('#title')
  await title.waitFor()
  await title.fill(`${PROJECT}施工招标公告`)
  await until('the notice written from what was filled in', async () => (await page.inputValue('#body')).includes(PROJECT))
  await host.button('采用最早合法时间').click()
  await until('publishing is possible', () => host.button('发布招标公告').isEnabled())
  await host.button('发布招标公告').click()
  await host.button('确认发布招标公告').click()
  await page.waitForURL('**/notices/1')
  lot = /lots\/([0-9a-f-]{36})/.exec(page.url())[1]
  const { lot: made } = await stage.platform.get(`/api/lots/${lot}`)
  assert.equal(made.state, 'published')
  deadline = Date.parse(made.bidDeadline)
})

part('three bidders seal and submit, each at its own computer', async () => {
  for (const firm of FIRMS) firm.seat = await stage.seat(firm.login, firm === bram ? { base: line.url } : {})
  await Promise.all(FIRMS.map(submit))
  const { lot: open } = await stage.platform.get(`/api/lots/${lot}`)
  assert.equal(open.state, 'published')
  // Before the deadline nobody is shown who has submitted or how many.
  const told = JSON.stringify(await snapshot()) + JSON.stringify(await stage.platform.events(lot))
  for (const firm of FIRMS) assert.ok(!told.includes(firm.name), 'a bidder is named before the deadline')
})

async function submit(firm) {
  const { page } = firm.seat
  firm.name = (await firm.seat.login(firm.login)).organisation
  await firm.seat.go(`/bids/new/${lot}`)
  await page.fill('#vault-legal', firm.legal)
  await page.fill('#vault-new', firm.pass)
  await page.fill('#vault-again', firm.pass)
  await page.getByText('我知道：忘记口令').click()
  await firm.seat.button('新建保险箱').click()
  await page.fill('#price', firm.price)
  await page.fill('#durationDays', '330')
  await page.fill('#manager', firm.legal)
  await page.fill('#contact', '0527-80000000')
  for (const section of ['qualification', 'technical', 'price']) {
    await page.setInputFiles(`#files-${section}`, { name: `${section}.txt`, mimeType: 'text/plain', buffer: Buffer.from(`${firm.login} ${section} ${'内容 '.repeat(500)}`) })
  }
  await firm.seat.button('密封并递交').click()
  await page.getByRole('dialog').getByText(firm.shown).waitFor()
  await firm.seat.button('确认密封并递交').click()
  await page.getByText('✓ 投标文件已密封递交').waitFor({ timeout: 60_000 })
  await page.getByText('平台签名有效').waitFor()
}

part('the hall before and at the deadline', async () => {
  await stage.platform.clock({ moveTo: new Date(deadline - 60_000).toISOString() })
  wall = await stage.seat('wall', { viewport: WALL })
  await Promise.all([wall.go(`/lots/${lot}/screen`), host.go(`/lots/${lot}/hall`), ...FIRMS.map((f) => f.seat.go(`/lots/${lot}/hall`))])
  await wall.page.getByText('截标前，任何人都看不到谁投了标、投了几份').waitFor()
  // One tries its passphrase beforehand; the platform does not learn whether it has bid.
  await unlocked(anne, '打开我的保险箱')
  await anne.seat.page.getByText('已准备好').waitFor()
  await stage.platform.clock({ moveTo: new Date(deadline).toISOString() })
  await wall.page.getByText('截止记录 3 份').waitFor()
  const words = await wall.page.innerText('main')
  for (const firm of FIRMS) assert.ok(!words.includes(firm.name), 'a bidder is named before the roster')
  await pressed(host, '开始开标')
})

async function unlocked(firm, button) {
  await firm.seat.page.getByLabel('保险箱口令').fill(firm.pass)
  await big(firm.seat, button).click()
}

part('seal checks and the roster', async () => {
  await inState('started')
  await big(anne.seat, '核对无误，密封完好').click()
  for (const firm of [bram, cora]) await unlocked(firm, '打开保险箱并做密封检查')
  await Promise.all(FIRMS.map((f) => f.seat.page.getByRole('heading', { name: '密封完好' }).waitFor()))
  await pressed(host, '公布投标人')
  for (const firm of FIRMS) await wall.page.getByText(firm.name).first().waitFor()
})

part('one line breaks, one passphrase is wrong three times', async () => {
  await pressed(host, '开始解密')
  await inState('decrypting')
  line.cut()
  bram.seat.away = true
  await bram.seat.context.setOffline(true)
  await big(anne.seat, '解密我的文件').click()
  await anne.seat.page.getByRole('heading', { name: '解密成功' }).waitFor()

  const { page } = cora.seat
  await page.reload() // the vault is locked again
  for (let n = 1; n <= 3; n++) {
    await page.getByLabel('保险箱口令').fill(`不是这个口令-${n}`)
    await page.locator('.me .big').click()
    await until(`the hall to be told of failure ${n}`, async () => (await snapshot()).bids.some((b) => b.part.attempts === n && b.part.reason === 'wrong_passphrase'))
    await page.getByText('主持人已经看到这次失败和原因').waitFor()
  }
  await page.getByText('已经 3 次没有成功').waitFor()
  await host.page.getByText('已失败 3 次').waitFor()

  await bram.seat.page.getByText('断线，正在自动重连').waitFor({ timeout: 30_000 })
  line.mend()
  await bram.seat.context.setOffline(false)
  await bram.seat.page.getByText('连接正常').waitFor({ timeout: 30_000 })
  bram.seat.away = false
  await big(bram.seat, '解密我的文件').click()
  await bram.seat.page.getByRole('heading', { name: '解密成功' }).waitFor()
})

part('the window runs out; prices are read out', async () => {
  const { windows, bids } = await snapshot()
  assert.equal(bids.filter((b) => b.part.state === 'released').length, 2)
  for (const seat of [wall, host]) {
    const words = await seat.page.innerText('body')
    for (const firm of FIRMS) assert.ok(!words.includes(firm.shown), 'a price is shown while the window is open')
  }
  await stage.platform.clock({ moveTo: windows.decrypt.until })
  await inState('imported')
  await cora.seat.page.getByText('我公司的文件没有解密').waitFor()
  await pressed(host, '开始唱标')
  for (const firm of [anne, bram]) {
    const row = wall.page.getByRole('row').filter({ hasText: firm.name })
    await row.getByText(firm.shown).waitFor()
    assert.match(await row.innerText(), /330 日历天/)
  }
  const lost = wall.page.getByRole('row').filter({ hasText: cora.name })
  await lost.getByText('视为撤销').first().waitFor()
  assert.ok(!(await lost.innerText()).includes(cora.shown), 'a bid that was not opened has a price')
  await wall.page.getByText('随机系数').first().waitFor()
})

part('an objection is raised and answered', async () => {
  await pressed(host, '进入异议环节')
  await inState('objection_window')
  const { page } = anne.seat
  await page.getByRole('button', { name: '提出异议', exact: true }).click()
  await page.fill('#objection-text', OBJECTION)
  await anne.seat.button('提出异议并签名').click()
  await host.page.getByText(OBJECTION).first().waitFor()
  await wall.page.getByText('1 条待当场答复').waitFor()
  await host.page.getByPlaceholder('当场答复').fill(ANSWER)
  await host.button('答复这条异议').click()
  await page.getByText(ANSWER).first().waitFor()
  for (const firm of [anne, bram]) await big(firm.seat, '无异议').click()
  await Promise.all([anne, bram].map((f) => f.seat.page.getByRole('heading', { name: '已表示无异议' }).waitFor()))
})

part('everybody confirms, the host closes, the record is downloaded', async () => {
  await pressed(host, '请各方确认开标记录')
  await inState('record_confirming')
  for (const firm of [anne, bram]) await big(firm.seat, '确认开标记录并签名').click()
  await Promise.all([anne, bram].map((f) => until('a confirmation', async () => (await snapshot()).bids.find((b) => b.organisation === f.name).confirmed)))
  await pressed(host, '主持人签署开标记录')
  await until("the host's signature", async () => (await snapshot()).hostSigned)
  if ((await snapshot()).state !== 'closed') await pressed(host, '结束开标')
  await inState('closed')

  const [download] = await Promise.all([bram.seat.page.waitForEvent('download'), big(bram.seat, '下载开标记录').click()])
  const record = await bram.seat.keep(download, 'record.pdf')
  const { stdout } = await run('pdftotext', ['-layout', record, '-'])
  for (const firm of FIRMS) assert.ok(stdout.includes(firm.name), `${firm.name} is not in the record`)
  for (const firm of [anne, bram]) assert.ok(stdout.includes(firm.shown), `${firm.shown} is not in the record`)
  assert.ok(!stdout.includes(cora.shown), 'the record tells a price that was never opened')
  const flowing = (await run('pdftotext', ['-raw', record, '-'])).stdout.replace(/\s/g, '')
  assert.ok(flowing.includes(OBJECTION), 'the objection is not in the record')
})

part('whoever lost the line missed nothing, and nothing came twice', async () => {
  await stage.platform.events(lot) // gapless
  const answer = await bram.seat.context.request.get(`${line.url}/api/lots/${lot}/events?limit=500`)
  const told = (await answer.json()).items.filter((e) => e.text || e.label).map((e) => e.seq)
  assert.ok(told.length > 25, 'the whole opening is told')
  const talk = bram.seat.page.locator('.talk .mark')
  await until('the whole talk', async () => (await talk.count()) >= told.length)
  const numbers = (await talk.allInnerTexts()).map((t) => Number(t.replace(/\D/g, '')))
  assert.deepEqual(numbers, told)
  const end = await snapshot()
  assert.equal(end.state, 'closed')
  assert.deepEqual(end.table.map((r) => r.outcome).sort(), ['opened', 'opened', 'revoked'])
})
