// A clarification moves the deadline: a bidder asks, the agency answers with a change that affects bids less than fifteen
// days before, is refused with the article and the date it may have, takes it; whoever had sealed is warned.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DESKTOP, PHONE, Stage, until } from './harness.mjs'

const PASS = '运河边的三棵梧桐树-2026'
let stage

before(async () => {
  stage = await Stage.open()
})
after(() => stage?.close())

/** Nothing on a page is wider than the screen. */
async function fits(seat, name) {
  await seat.shot(`clarification-${name}`)
  const wide = await seat.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  assert.ok(wide <= 0, `${name} is ${wide} px too wide`)
}

async function seal(bidder, lot) {
  const { page } = bidder
  await bidder.go(`/bids/new/${lot}`)
  await page.fill('#vault-legal', '沈国安')
  await page.fill('#vault-new', PASS)
  await page.fill('#vault-again', PASS)
  await page.getByText('我知道：忘记口令').click()
  await bidder.button('新建保险箱').click()
  await page.getByRole('button', { name: '填入演练样本' }).click()
  await bidder.button('密封并递交').click()
  await bidder.button('确认密封并递交').click()
  await page.getByRole('heading', { name: '已经收到' }).or(page.getByText('平台签名有效')).first().waitFor({ timeout: 60_000 })
}

for (const [size, viewport, who, code] of [['desktop', DESKTOP, { agency: 'agency1', bidder: 'bidder31' }, '宿迁市第一中学改扩建工程'], ['phone', PHONE, { agency: 'agency2', bidder: 'bidder32' }, '沭阳县塘沟至韩山公路改建工程']]) {
  test(`a clarification moves the deadline: ${size}`, () => stage.play(`clarification-${size}`, async () => {
    const { items } = await stage.platform.get('/api/lots?state=published&limit=100')
    const lot = items.find((l) => l.project.name === code)
    const before = await stage.platform.get(`/api/lots/${lot.id}`)

    const bidder = await stage.seat(`bidder-${size}`, { viewport })
    await bidder.enter(who.bidder)
    await seal(bidder, lot.id)

    // Ten days before the deadline, on a working morning. Time only goes forward.
    const near = Date.parse(lot.bidDeadline) - 10 * 86_400_000
    await stage.platform.clock({ moveTo: new Date(near).toISOString() })
    await bidder.go(`/lots/${lot.id}?tab=questions`)
    await bidder.page.fill('#question', '工期是否包含法定节假日？')
    await bidder.button('提问').click()
    await bidder.button('提出这个问题').click()
    await bidder.page.getByText('问题已送达招标人和代理机构').waitFor()
    await fits(bidder, `asked-${size}`)

    const host = await stage.seat(`agency-${size}`, { viewport })
    await host.login(who.agency)
    await host.page.getByText('等待答复（1）').waitFor()
    await fits(host, `desk-${size}`)
    await host.page.getByRole('link', { name: /去答复/ }).click()
    await host.page.getByLabel('工期是否包含法定节假日？').fill('包含。工期相应延长。')
    assert.ok(!(await host.page.innerText('body')).includes((await stage.platform.get('/api/rehearsal')).people.find((p) => p.login === who.bidder).organisation), 'the host is told who asked')
    await host.page.fill('#changes', '第五章工期改为 400 日历天。')
    await host.page.getByText('影响', { exact: true }).click()
    await host.page.getByText('同时推迟到最早的合法时间').waitFor()
    await fits(host, `check-${size}`)
    // He tries all the same and is refused with the article and the date.
    host.forgive(/status of 412/)
    await host.button('发出招标文件第 2 版').click()
    await host.button('确认发出第 2 版').click()
    const refused = host.page.getByRole('alert').filter({ hasText: '不得少于 15 日' })
    await refused.waitFor()
    assert.match(await refused.innerText(), /招标投标法》第二十三条/)
    await fits(host, `refused-${size}`)
    await refused.getByRole('button', { name: /推迟到/ }).click()
    await host.page.getByText('✓ 时间合法').waitFor()
    await host.button('发出招标文件第 2 版').click()
    await host.button('确认发出第 2 版').click()
    await host.page.waitForURL(/tab=questions/)

    const after = await stage.platform.get(`/api/lots/${lot.id}`)
    assert.equal(after.document.version, 2)
    assert.ok(Date.parse(after.lot.bidDeadline) - near >= 14 * 86_400_000, 'the deadline did not move')
    assert.deepEqual(after.checks.slice(-before.checks.length), before.checks, 'the old checks are not kept')
    assert.ok(after.checks.some((c) => c.rule === 'R11-1' && c.ok && c.version === 2))
    assert.equal(after.notices.at(-1).kind, 'clarification')
    await host.page.getByText('第 2 版', { exact: true }).waitFor()
    await host.page.getByText('包含。工期相应延长。').waitFor()
    await fits(host, `lot-${size}`)
    await host.page.getByRole('tab', { name: '时限校验' }).click()
    await host.page.getByText('招标文件第 1 版').first().waitFor()
    await fits(host, `checks-${size}`)

    // Whoever had sealed is warned as soon as his vault is open.
    await bidder.go('/desk')
    await bidder.page.fill('#vault-pass', PASS)
    await bidder.page.keyboard.press('Enter')
    const warning = bidder.page.getByRole('alert').filter({ hasText: '招标文件已有第 2 版' })
    await warning.waitFor()
    assert.match(await warning.innerText(), /您提交的投标文件针对第 1 版/)
    await fits(bidder, `warned-${size}`)
    await warning.getByRole('link', { name: '替换投标文件' }).click()
    await bidder.page.getByRole('heading', { name: '已经递交' }).waitFor()
    assert.deepEqual(stage.faults(), [], 'a console error, a failed request or a 5xx')
    await until('no event that names the asker', async () => !JSON.stringify(await stage.platform.events(lot.id)).includes(who.bidder))
    await host.close()
    await bidder.close()
  }))
}
