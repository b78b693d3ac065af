// Two envelopes on two days, in browsers: the first session of three bidders with the agency as host, the review in
// the host's card, and the second session three days later, where one bidder sits with a phone.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { pdf, PHONE, Stage, until } from './harness.mjs'

const FIRMS = [
  { login: 'bidder21', legal: '沈国安', pass: '运河边的三棵梧桐树-2026', price: '45678901.23', shown: '45,678,901.23' },
  { login: 'bidder22', legal: '韩思远', pass: 'bridge 42 sails north', price: '46880000', shown: '46,880,000.00' },
  { login: 'bidder23', legal: '曹玉梅', pass: '忘记的口令 谁也帮不了', price: '47250000', shown: '47,250,000.00' },
]
const REASON = '项目负责人的类似工程业绩不满足招标文件第三章要求'
const [anne, bram, cora] = FIRMS // anne has a phone on the second day; cora does not pass

let stage, host, lot, deadline, second

before(async () => (stage = await Stage.open()))
after(() => stage?.close())

const snapshot = () => stage.platform.get(`/api/lots/${lot}/snapshot`)
const inState = (state) => until(`the opening ${state}`, async () => (await snapshot()).state === state)
const big = (seat, name) => seat.page.locator('.me .big', { hasText: name })
const heading = (firm, name) => firm.seat.page.getByRole('heading', { name }).waitFor()

/** The host's next act; one that goes on the record is shown before it is done. */
async function pressed(name) {
  const button = big(host, name)
  await button.click()
  const ask = host.page.getByRole('dialog')
  const asked = await Promise.race([ask.waitFor({ state: 'visible', timeout: 1500 }).then(() => true, () => false), button.waitFor({ state: 'detached' }).then(() => false, () => false)])
  if (!asked) return
  await ask.getByRole('button', { name }).click()
  await ask.waitFor({ state: 'hidden' })
}

const part = (name, play) => test(name, async (t) => {
  if (stage.failed) return t.skip('an earlier part failed')
  stage.failed = true
  await stage.play(name.replaceAll(/\W+/g, '-'), play)
  assert.deepEqual(stage.faults(), [], 'a console error, a failed request or a 5xx')
  stage.failed = false
})

async function api(seat, method, where, data) {
  const answer = await seat.context.request.fetch(stage.platform.url + where, { method, data, headers: { 'Idempotency-Key': crypto.randomUUID() } })
  if (!answer.ok()) throw new Error(`${method} ${where}: ${answer.status()} ${await answer.text()}`)
  return answer.status() === 204 ? undefined : answer.json()
}

/** Project, lot, document of two envelopes and notice; the pages that make them have tests of their own. */
async function publish() {
  const buyer = await stage.seat('buyer')
  await buyer.enter('buyer1')
  const { items } = await api(buyer, 'GET', '/api/agencies')
  const project = await api(buyer, 'POST', '/api/projects', {
    code: '2603-321302-04-01-777777', name: '运河大道快速化改造工程', compulsory: true, region: '321302', approvalNumber: '宿发改审发〔2026〕41号',
    approvalAuthority: '宿迁市发展和改革委员会', agency: items.find((a) => a.name === '江苏经纬工程咨询有限公司').id,
  })
  await buyer.close()
  const { lot: made } = await api(host, 'POST', `/api/projects/${project.id}/lots`, { name: '施工', estimate: '48000000' })
  lot = made.id
  const { legal } = await stage.platform.get('/api/time')
  const day = (n) => new Date(Date.parse(legal) + n * 86_400_000)
  await host.context.request.post(`${stage.platform.url}/api/lots/${lot}/document/files?name=${encodeURIComponent('招标文件.pdf')}`, { data: pdf('招标文件'), headers: { 'content-type': 'application/pdf' } })
  await api(host, 'PUT', `/api/lots/${lot}/document`, {
    sections: [{ name: 'qualification', label: '资格审查资料', required: true }, { name: 'technical', label: '技术标', required: true }, { name: 'price', label: '报价文件', required: true, session: 2 }],
    priceCeiling: '48000000', decryptMinutes: 30, sealCheckMinutes: 5, objectionMinutes: 5, confirmMinutes: 10, coefficient: { min: '0.95', max: '0.98', step: '0.005' },
    bidValidityDays: 90, withdrawnLowersCount: false, durationDays: 365, quality: '合格', deposit: { amount: '500000', forms: ['银行保函', '转账'] },
  })
  deadline = `${day(23).toISOString().slice(0, 10)}T09:30:00+08:00`
  await api(host, 'POST', `/api/lots/${lot}/commands/publish`, { saleEnd: day(8).toISOString(), bidDeadline: deadline, noticeTitle: '运河大道快速化改造工程施工招标公告', noticeBody: '欢迎投标。' })
}

async function submit(firm) {
  firm.seat = await stage.seat(firm.login)
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
}

/** One session from the lobby to its end, for those who take part in it. */
async function session(firms, open, end) {
  await pressed('开始开标')
  await inState('started')
  for (const f of firms) {
    if (!open) await f.seat.page.getByLabel('保险箱口令').fill(f.pass)
    await big(f.seat, open ? '核对无误，密封完好' : /密封/).click()
  }
  await Promise.all(firms.map((f) => heading(f, '密封完好')))
  await pressed('公布投标人')
  await pressed('开始解密')
  await inState('decrypting')
  for (const f of firms) await big(f.seat, '解密我的文件').click()
  await inState('imported')
  await pressed('开始唱标')
  await pressed('进入异议环节')
  await inState('objection_window')
  for (const f of firms) await big(f.seat, '无异议').click()
  await Promise.all(firms.map((f) => heading(f, '已表示无异议')))
  await pressed('请各方确认开标记录')
  await inState('record_confirming')
  for (const f of firms) await big(f.seat, '确认开标记录并签名').click()
  await until('all confirmations', async () => (await snapshot()).bids.filter((b) => b.confirmed).length === firms.length)
  await pressed('主持人签署开标记录')
  await until("the host's signature", async () => (await snapshot()).hostSigned)
  await pressed(end)
}

part('a tender of two envelopes is published, and three submit', async () => {
  host = await stage.seat('host')
  await host.enter('agency1')
  await publish()
  await Promise.all(FIRMS.map(submit))
})

part('the first day: first envelopes, no price', async () => {
  await stage.platform.clock({ moveTo: new Date(Date.parse(deadline) - 60_000).toISOString() })
  await Promise.all([host.go(`/lots/${lot}/hall`), ...FIRMS.map((f) => f.seat.go(`/lots/${lot}/hall`))])
  await host.page.getByText('第一次开标（商务技术文件）').waitFor()
  await stage.platform.clock({ moveTo: new Date(deadline).toISOString() })
  await until('the cut-off', async () => (await snapshot()).cutoff)
  await session(FIRMS, false, '结束第一次开标')
  await inState('between_sessions')
  await host.page.getByText('第一信封开标一览表').waitFor()
  for (const f of FIRMS) await heading(f, '等待第一信封评审')
  for (const seat of [host, ...FIRMS.map((f) => f.seat)]) {
    const words = await seat.page.innerText('main')
    assert.ok(!/随机系数|45,678|46,880|47,250/.test(words), 'a price or the coefficient is shown on the first day')
  }
  await host.shot('two-section-1-review')
})

part('the host records the review and announces the second session', async () => {
  const { page } = host
  for (const f of FIRMS) {
    const row = page.getByRole('group', { name: f.name })
    await row.getByLabel(f === cora ? '未通过' : '通过', { exact: true }).check()
    if (f === cora) await row.getByRole('textbox').fill(REASON)
  }
  await page.fill('#review-report', '评标报告〔2026〕12号')
  await big(host, '录入第一信封评审结果').click()
  await page.getByText('3 家中 2 家通过第一信封评审').waitFor()
  await page.getByText('通过的不足三家').waitFor()
  const day = new Date(Date.parse(deadline) + 3 * 86_400_000).toISOString().slice(0, 10)
  await page.fill('#second-date', day)
  second = `${day}T09:30:00+08:00`
  await host.shot('two-section-2-schedule')
  await big(host, '通知第二次开标').click()
  await until('the notice', async () => (await snapshot()).secondAt)
  for (const f of [anne, bram]) await heading(f, '等待第二次开标')
  await heading(cora, '没有通过第一信封评审')
  await cora.seat.page.getByText(REASON).first().waitFor()
  const { notices } = await stage.platform.get(`/api/lots/${lot}`)
  assert.ok(notices.some((n) => n.title.includes('第二信封开标通知')), 'the second session is announced')
})

part('the second day: second envelopes of those who passed, one on a phone', async () => {
  await stage.platform.clock({ moveTo: new Date(Date.parse(second) - 60_000).toISOString() })
  await anne.seat.close()
  anne.seat = await stage.seat('phone', { viewport: PHONE })
  await anne.seat.enter(anne.login)
  await inState('lobby_open')
  await Promise.all([anne, bram].map((f) => f.seat.go(`/lots/${lot}/hall`)))
  await host.page.getByText('第二次开标（报价文件）').waitFor()
  await heading(anne, '第二次开标，先试一下口令')
  await anne.seat.shot('two-section-3-phone')
  const wide = await anne.seat.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  assert.ok(wide <= 0, `the hall is ${wide} px wider than the phone`)
  for (const f of [anne, bram]) {
    await f.seat.page.getByLabel('保险箱口令').fill(f.pass)
    await big(f.seat, '打开我的保险箱').click()
    await heading(f, '已准备好')
  }
  await stage.platform.clock({ moveTo: new Date(second).toISOString() })
  await session([anne, bram], true, '结束开标')
  await inState('closed')
  const end = await snapshot()
  assert.deepEqual(end.table.map((r) => [r.organisation, r.price]).sort(), FIRMS.map((f) => [f.name, f === cora ? '' : Number(f.price).toFixed(2)]).sort())
  assert.ok(end.coefficient)
  const { page } = host
  await page.getByText(anne.shown).first().waitFor()
  assert.ok(!(await page.innerText('main')).includes(cora.shown), 'a price of one who did not pass is shown')
  await page.getByRole('link', { name: '下载第一次开标记录(PDF)' }).waitFor()
  await host.shot('two-section-4-closed')
  await anne.seat.shot('two-section-5-phone-closed')
})
