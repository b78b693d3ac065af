// An objection halts a tender until it is answered; an authority's order halts it too; a tender that ends is tendered again.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DESKTOP, PHONE, Stage } from './harness.mjs'

let stage

before(async () => {
  stage = await Stage.open()
})
after(() => stage?.close())

async function fits(seat, name) {
  await seat.shot(`objection-${name}`)
  const wide = await seat.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  assert.ok(wide <= 0, `${name} is ${wide} px too wide`)
}
/** Presses a button of the lot's page, fills in what it asks for, and confirms. */
async function act(seat, name, inputs = {}) {
  await seat.button(name).click()
  const ask = seat.page.getByRole('dialog')
  for (const [id, text] of Object.entries(inputs)) await ask.locator(`#in-${id}`).fill(text)
  await ask.getByRole('button', { name }).click()
  await ask.waitFor({ state: 'hidden' })
}

for (const [size, viewport, agency, project] of [['desktop', DESKTOP, 'agency1', '宿迁市第一中学改扩建工程'], ['phone', PHONE, 'agency2', '沭阳县塘沟至韩山公路改建工程']]) {
  test(`an objection halts a tender, and it is tendered again: ${size}`, () => stage.play(`objection-${size}`, async () => {
    const { items } = await stage.platform.get('/api/lots?state=published&limit=100')
    const lot = items.find((l) => l.project.name === project)
    const at = async () => (await stage.platform.get(`/api/lots/${lot.id}`)).lot

    const bidder = await stage.seat(`bidder-${size}`, { viewport })
    await bidder.enter('bidder33')
    await bidder.go(`/lots/${lot.id}?tab=objections`)
    await bidder.page.fill('#o-subject', '资格条件')
    await bidder.page.fill('#o-text', '业绩要求与项目规模不相适应，请删去。')
    await bidder.button('提出异议').click()
    await bidder.button('确认提出异议').click()
    await bidder.page.getByText('招标投标活动已暂停', { exact: false }).first().waitFor()
    await fits(bidder, `raised-${size}`)
    assert.ok((await at()).suspended)

    const supervisor = await stage.seat(`supervisor-${size}`, { viewport })
    await supervisor.enter('supervisor1')
    await supervisor.go(`/lots/${lot.id}`)
    await act(supervisor, '暂停招标投标活动', { order: '宿住建暂〔2026〕8号', reason: '配合调查' })
    await supervisor.page.getByText('宿住建暂〔2026〕8号').first().waitFor()
    await fits(supervisor, `ordered-${size}`)

    const host = await stage.seat(`agency-${size}`, { viewport })
    await host.enter(agency)
    await host.go('/desk')
    await host.page.getByRole('link', { name: /去答复/ }).click()
    await host.page.getByText('业绩要求与项目规模不相适应').waitFor()
    await fits(host, `waits-${size}`)
    await host.page.getByRole('textbox', { name: '答复' }).fill('异议成立，将以澄清公告修改。')
    await host.button('答复异议').click()
    await host.button('确认答复').click()
    await host.page.getByText('业绩要求与项目规模不相适应').waitFor({ state: 'detached' })
    assert.ok((await at()).suspended, 'the order no longer stands')

    await supervisor.go(`/lots/${lot.id}`)
    await act(supervisor, '恢复招标投标活动')
    await supervisor.page.getByText('以往的暂停（2）').waitFor()
    assert.ok(!(await at()).suspended)

    await host.go(`/lots/${lot.id}`)
    await act(host, '终止招标', { reason: '设计方案有重大调整' })
    await act(host, '重新招标')
    await host.page.waitForURL(/\/desk\/new\?lot=/)
    const next = new URL(host.page.url()).searchParams.get('lot')
    assert.notEqual(next, lot.id)
    await host.go(`/lots/${next}`)
    await host.page.getByText('第 2 次招标').waitFor()
    await fits(host, `again-${size}`)
    await bidder.go(`/lots/${lot.id}?tab=notices`)
    await bidder.page.locator('#pane-notices').getByText('终止公告').first().waitFor()
    assert.deepEqual(stage.faults(), [], 'a console error, a failed request or a 5xx')
    for (const s of [bidder, supervisor, host]) await s.close()
  }))
}
