// A bidder at a computer without a mouse: login, hall, seal check, decryption, no objection, the record. Everybody
// else is played by the rehearsal.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Stage, until } from './harness.mjs'

let stage
before(async () => {
  stage = await Stage.open()
})
after(() => stage?.close())

const send = async (where, body) => {
  const answer = await fetch(stage.platform.url + where, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`POST ${where}: ${answer.status} ${await answer.text()}`)
  return answer.status === 204 ? undefined : answer.json()
}

/** Tab until what is focused is what is meant; what is focused on the way can be seen. */
async function tabTo(page, what, test, most = 60) {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press('Tab')
    if (await page.evaluate(test)) return
  }
  assert.fail(`no ${what} within ${most} tabs`)
}
const onButton = (label) => `document.activeElement?.matches('button, a') && document.activeElement.textContent.trim() === '${label}'`
const onField = (label) => `document.activeElement?.labels?.[0]?.textContent === '${label}'`

/** After a step the focus is in the card: one Tab from the heading is its button, and the ring can be seen. */
async function pressNext(page, title, button) {
  await page.getByRole('heading', { name: title }).waitFor()
  const at = () => page.evaluate(() => ({ id: document.activeElement?.id, tag: document.activeElement?.tagName }))
  await until(`the focus on “${title}”`, async () => (await at()).id === 'mine-title', 5_000).catch(async (e) => assert.fail(`${e.message}; it is on ${JSON.stringify(await at())}`))
  await tabTo(page, button, onButton(button), 1)
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)
  assert.notEqual(ring, 'none', 'the focus cannot be seen')
  await page.keyboard.press('Enter')
}

test('an opening without a mouse', async () => {
  await stage.play('keyboard-hall', async () => {
    const run = await send('/api/rehearsal/runs', { bidders: 3, seat: 'bidder', pace: 0 })
    const now = () => stage.platform.get(`/api/rehearsal/runs/${run.id}`)
    const { lot, seat: place } = await until('the tender to be published', async () => {
      const r = await now()
      assert.notEqual(r.state, 'failed', r.error)
      return r.lot && r.seat && r
    })
    const seat = await stage.seat('keyboard')
    const { page } = seat

    await seat.go('/login')
    await page.locator('#login').waitFor()
    await tabTo(page, 'login', () => document.activeElement?.id === 'login')
    await page.keyboard.type(place.login)
    await tabTo(page, 'password', () => document.activeElement?.id === 'password')
    await page.keyboard.type(place.password)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/desk')

    await seat.go(`/bids/new/${lot}`)
    await page.locator('#vault-pass').waitFor()
    await tabTo(page, 'passphrase', () => document.activeElement?.id === 'vault-pass', 120)
    await page.keyboard.type(place.password)
    await page.keyboard.press('Enter')
    await page.locator('#price').waitFor()
    await tabTo(page, 'sample', onButton('填入演练样本'), 120)
    await page.keyboard.press('Enter')
    await page.getByText('✓ 已经完整').waitFor()
    await tabTo(page, 'seal', onButton('密封并递交'), 120)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await tabTo(page, 'confirmation', onButton('确认密封并递交'), 20)
    await page.keyboard.press('Enter')
    await page.getByText('✓ 投标文件已密封递交').waitFor({ timeout: 60_000 })
    await send(`/api/rehearsal/runs/${run.id}/continue`, {})

    await seat.go(`/lots/${lot}/hall`)
    await page.getByRole('heading', { name: '密封检查' }).first().waitFor({ timeout: 60_000 })
    await tabTo(page, 'passphrase', onField('保险箱口令'))
    await page.keyboard.type(place.password)
    await seat.shot('keyboard-hall-seal')
    await page.keyboard.press('Enter')
    await page.getByText('密封完好').first().waitFor({ timeout: 30_000 })

    await pressNext(page, '请在时限内解密', '解密我的文件')
    await pressNext(page, '对开标有异议吗', '无异议')
    await seat.shot('keyboard-hall-objection')
    await pressNext(page, '请确认开标记录', '确认开标记录并签名')
    await page.getByRole('heading', { name: '开标结束' }).waitFor({ timeout: 60_000 })
    await seat.shot('keyboard-hall-end')
    await tabTo(page, 'record', onButton('下载开标记录(PDF)'), 3)
    const told = (await stage.platform.events(lot)).map((e) => e.kind)
    assert.ok(told.includes('opening.no_objection') && told.includes('opening.record_confirmed'))
    assert.deepEqual(stage.faults(), [])
  })
})
