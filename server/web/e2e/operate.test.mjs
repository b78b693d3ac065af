// Whoever looks after the machine sees how it does, at both sizes; nobody else does.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { DESKTOP, PHONE, Stage } from './harness.mjs'

const BINARY = path.resolve(import.meta.dirname, '..', process.env['JIANBIAO_BIN'] ?? '../../bin/jianbiao')
let stage
before(async () => {
  stage = await Stage.open()
})
after(() => stage?.close())

test('the operator sees what to do, makes a backup, and sees that it is done', () =>
  stage.play('operate', async () => {
    const seat = await stage.seat('operator', { viewport: DESKTOP })
    await seat.enter('admin')
    await seat.go('/desk')
    await seat.page.getByRole('link', { name: '运行状况' }).click()
    await seat.page.getByText('平台可以正常工作').waitFor()
    await seat.page.getByText('还没有备份过：', { exact: false }).waitFor()
    await seat.shot('operate-desktop')
    const out = path.join(stage.platform.data, '..', `${path.basename(stage.platform.data)}.backup`)
    execFileSync(BINARY, ['backup', '--data', stage.platform.data, '--out', out], { env: { ...process.env, DATABASE_URL: '', JIANBIAO_KEY_PASSPHRASE: 'Yanlian-2026' } })
    await seat.page.waitForTimeout(1100) // a look is good for a second
    await seat.button('立即刷新').click()
    await seat.page.getByText('还没有备份过：', { exact: false }).waitFor({ state: 'detached' })
    const text = await seat.page.locator('main').innerText()
    for (const bad of ['undefined', 'NaN', 'null', '[object']) assert.ok(!text.includes(bad), `the page says ${bad}`)
    for (const want of ['推进开标', '心跳与中断检查', '磁盘', '授时', '上一次成功']) assert.ok(text.includes(want), `the page does not say ${want}`)
    execFileSync('rm', ['-f', out, `${out}.keys`])
  }))

test('it fits a phone', () =>
  stage.play('operate-phone', async () => {
    const seat = await stage.seat('phone', { viewport: PHONE })
    await seat.enter('admin')
    await seat.go('/operate')
    await seat.page.getByText('平台可以正常工作').waitFor()
    const wide = await seat.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    assert.equal(wide, 0, 'wider than the screen')
    await seat.shot('operate-phone')
  }))

test('nobody else sees it', () =>
  stage.play('operate-refused', async () => {
    const seat = await stage.seat('bidder')
    seat.forgive(/403/)
    await seat.enter('bidder1')
    await seat.go('/operate')
    await seat.page.getByText('不能进行这个操作', { exact: false }).waitFor()
    assert.equal(await seat.page.getByText('平台可以正常工作').count(), 0)
    assert.deepEqual(stage.faults(), [])
  }))
