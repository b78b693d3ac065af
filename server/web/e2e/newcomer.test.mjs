// The newcomer's five minutes: from the first page to the rehearsal, a seat in it, and the record as a PDF. Robots play
// everybody else; the newcomer presses whatever the big button says.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { Stage, until } from './harness.mjs'

const run = promisify(execFile)
const FIVE_MINUTES = 300_000
let stage

before(async () => { stage = await Stage.open() })
after(() => stage?.close())

/** From the front page to a run with the seat taken. */
async function begin(seat, label) {
  const { page } = seat
  await seat.go('/')
  await page.getByRole('link', { name: '去演练一场开标' }).click()
  await page.getByRole('heading', { name: '演练一场开标' }).waitFor()
  await page.locator('.seats').getByText(label, { exact: true }).click()
  await page.fill('#bidders', '4')
  await page.fill('#minutes', '1')
  await page.press('#minutes', 'Tab')
  await seat.button('开始一场演练').click()
  await page.getByText('演练正在进行').waitFor()
}

/** Presses what the hall offers until the opening is over; a dialog is answered by the act it names. */
async function follow(seat, each) {
  const { page } = seat
  const pressed = []
  await until('the opening closed', async () => {
    if (await page.locator('.me a.big').count()) return true
    if (await each?.()) return false
    const ask = page.getByRole('dialog').locator('.el-button--primary')
    if (await ask.isVisible()) return void (await ask.click({ timeout: 2000 }).catch(() => undefined))
    const field = page.locator('.me input[autocomplete=off]').first()
    if (await field.isVisible()) await field.fill('Yanlian-2026', { timeout: 2000 }).catch(() => undefined)
    const label = await page.locator('.me button.big:enabled').first().innerText({ timeout: 300 }).catch(() => '')
    // By its words: the next act stands in the same place a moment later.
    if (label && (await page.locator('.me button.big:enabled', { hasText: label }).click({ timeout: 1000 }).then(() => true, () => false))) pressed.push(label)
    return false
  }, FIVE_MINUTES)
  return pressed
}

/** The record, downloaded with the big button, as text. */
async function record(seat, name) {
  const [download] = await Promise.all([seat.page.waitForEvent('download'), seat.page.locator('.me a.big').click()])
  return (await run('pdftotext', ['-layout', await seat.keep(download, name), '-'])).stdout
}

const ended = (seat) => until('the run done', async () => {
  const { run: now } = await stage.platform.get('/api/rehearsal')
  assert.notEqual(now.state, 'failed', now.error)
  return now.state === 'done'
}, 60_000).then(() => seat.go('/rehearsal'))

test("in the bidder's seat", async () => {
  await stage.play('bidder', async () => {
    const began = Date.now()
    const seat = await stage.seat('newcomer')
    const { page } = seat
    await begin(seat, '投标人')
    await page.getByRole('link', { name: '去编制投标文件' }).click({ timeout: 90_000 })
    await page.fill('#vault-pass', 'Yanlian-2026')
    await seat.button('打开保险箱').click()
    await seat.button('填入演练样本').click()
    const price = await page.inputValue('#price')
    await seat.button('密封并递交').click()
    await seat.button('确认密封并递交').click()
    await page.getByText('✓ 投标文件已密封递交').waitFor({ timeout: 60_000 })
    await page.getByRole('link', { name: '回到演练，继续' }).click()
    await seat.button('我已递交，继续').click()
    await seat.button('进入开标大厅').click()
    const pressed = await follow(seat)
    for (const act of [/密封/, /解密/, /无异议/, /确认开标记录/]) assert.ok(pressed.some((p) => act.test(p)), `${act} was not pressed: ${pressed.join('、')}`)
    const text = await record(seat, 'newcomer-bidder.pdf')
    const { run: now } = await stage.platform.get('/api/rehearsal')
    assert.ok(text.includes(now.seat.organisation), "the newcomer's firm is not in the record")
    assert.ok(text.includes(Number(price).toLocaleString('en', { minimumFractionDigits: 2 })), "the newcomer's price is not in the record")
    assert.ok(Date.now() - began < FIVE_MINUTES, 'it took more than five minutes')
    await ended(seat)
    await page.getByText('这场演练已经结束').waitFor()
    await seat.close()
  })
  assert.deepEqual(stage.faults(), [], 'a console error, a failed request or a 5xx')
})

test("in the host's seat", async () => {
  await stage.play('host', async () => {
    const seat = await stage.seat('host')
    const { page } = seat
    await begin(seat, '主持人')
    await seat.button('进入开标大厅').click({ timeout: 90_000 })
    const pressed = await follow(seat, async () => {
      const answer = page.getByPlaceholder('当场答复').first()
      if (!(await answer.isVisible())) return false
      await answer.fill('已当场核对，与投标函一致。')
      await seat.button('答复这条异议').click()
      await answer.waitFor({ state: 'detached' })
      return true
    })
    for (const act of ['开始开标', '公布投标人', '开始解密', '开始唱标', '进入异议环节', '请各方确认开标记录']) assert.ok(pressed.includes(act), `${act} was not pressed: ${pressed.join('、')}`)
    assert.match(await record(seat, 'newcomer-host.pdf'), /幸福社区服务中心工程/)
    await ended(seat)
    await seat.close()
  })
  assert.deepEqual(stage.faults(), [], 'a console error, a failed request or a 5xx')
})
