// An administrator imports next year's holiday notice, sees which deadlines move, another approves, and the lot's page
// shows the new date; a list of organisations with faults is imported; a person comes in by two administrators. The
// notice of 2027 is made up: on the day this was written there was none.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DESKTOP, PHONE, Stage, until } from './harness.mjs'

const NOTICE = `国务院办公厅关于2027年部分节假日安排的通知
国办发明电〔2026〕99号
（本通知为测试虚构）
一、元旦：1月1日（周五）至3日（周日）放假，共3天。
二、春节：2月5日（农历除夕、周五）至13日（周六）放假调休，共9天。1月31日（周日）、2月14日（周日）上班。
三、清明节：4月3日（周六）至5日（周一）放假，共3天。
四、劳动节：5月1日（周六）至5日（周三）放假调休，共5天。4月25日（周日）、5月8日（周六）上班。
五、端午节：6月9日（周三）放假1天，不调休。
六、中秋节：9月15日（周三）放假1天，不调休。
七、国庆节：10月1日（周五）至7日（周四）放假调休，共7天。9月26日（周日）、10月9日（周六）上班。`

let stage, lot, title
before(async () => (stage = await Stage.open()))
after(() => stage?.close())

/** The agency publishes its draft in the new year; a bidder objects on Wednesday 3 February 2027: three days to answer, of which the last is a Saturday. */
async function objectToATender() {
  await stage.platform.clock({ moveTo: '2027-01-29T10:00:00+08:00' })
  const host = await stage.seat('host')
  await host.enter('agency2')
  const { items } = await (await host.context.request.get(`${host.base}/api/lots?state=drafting`)).json()
  lot = items[0].id
  title = items[0].project.name
  const give = async (command, data) => {
    const answer = await host.context.request.post(`${host.base}/api/lots/${lot}/commands/${command}`, { data })
    assert.ok(answer.ok(), `${command}: ${answer.status()} ${await answer.text()}`)
  }
  await give('publish', { saleEnd: '2027-02-04T17:30:00+08:00', bidDeadline: '2027-02-25T09:30:00+08:00', noticeTitle: `${items[0].project.name}招标公告`, noticeBody: '现对本工程进行公开招标。' })
  await stage.platform.clock({ moveTo: '2027-02-03T10:00:00+08:00' })
  await host.close()
  const bidder = await stage.seat('bidder')
  await bidder.enter('bidder9')
  const answer = await bidder.context.request.post(`${bidder.base}/api/lots/${lot}/objections`, { data: { subject: '工期', text: '工期过短，无法组织施工。' } })
  assert.ok(answer.ok(), `objection: ${answer.status()} ${await answer.text()}`)
  await bidder.close()
}

const narrow = async (seat) => assert.equal(await seat.page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), true, `${seat.page.url()} is wider than the screen`)

test('next year’s holiday notice: imported, seen, approved, in force on the lot’s page', async () => {
  await stage.play('holiday', async () => {
    await objectToATender()
    const anyone = await stage.seat('anyone')
    await anyone.go(`/lots/${lot}`)
    await anyone.page.getByText('最迟2027年2月8日24时').waitFor()
    await anyone.page.getByText('暂按周末推算').first().waitFor()
    await anyone.shot('admin-lot-before')

    const system = await stage.seat('system')
    await system.enter('admin')
    await system.go('/desk') // led on to its own desk
    await system.page.waitForURL('**/admin/organisations')
    await system.shot('admin-organisations')
    await system.page.getByRole('navigation', { name: '管理' }).getByRole('link', { name: '放假安排' }).click()
    await system.page.getByLabel('《国务院办公厅关于').fill(NOTICE.replace('（周五）至3日', '（周四）至3日'))
    await system.button('预览影响').click()
    await system.page.getByText('2027年1月1日是周五，通知写的是周四').waitFor()
    assert.equal(await system.button('提交，请安全管理员批准').count(), 0)
    await system.page.getByLabel('《国务院办公厅关于').fill(NOTICE)
    await system.button('预览影响').click()
    const row = system.page.locator('.moved').filter({ hasText: title })
    await row.getByText('最迟2027年2月14日24时').waitFor()
    assert.match(await row.innerText(), /最迟2027年2月8日24时/)
    await narrow(system)
    await system.shot('admin-holiday-preview')
    await system.button('提交，请安全管理员批准').click()
    await system.page.getByText('已提交 2027 年第 1 版').waitFor()
    await anyone.page.reload()
    await anyone.page.getByText('最迟2027年2月8日24时').waitFor() // nothing has changed yet

    const security = await stage.seat('security', { viewport: PHONE })
    await security.enter('security')
    await security.go('/admin/holidays')
    await security.button('查看影响并审批').click()
    await security.page.locator('.moved').filter({ hasText: title }).waitFor()
    await narrow(security)
    await security.shot('admin-holiday-phone')
    await security.button('批准，立即生效').click()
    await security.page.getByRole('dialog').getByRole('button', { name: '批准，立即生效' }).click()
    await security.page.locator('td').filter({ hasText: '现行' }).waitFor()

    await anyone.page.reload()
    await anyone.page.getByText('最迟2027年2月14日24时').waitFor()
    assert.equal(await anyone.page.getByText('暂按周末推算').count(), 0)
    await anyone.shot('admin-lot-after')

    const audit = await stage.seat('audit')
    await audit.enter('audit')
    await audit.go('/admin')
    for (const act of ['放假安排生效', '提交放假安排', '管理员登录']) await audit.page.locator('td.kind', { hasText: act }).first().waitFor()
    await narrow(audit)
    await audit.shot('admin-audit')
    for (const s of [anyone, system, security, audit]) await s.close()
  })
  assert.deepEqual(stage.faults(), [])
})

for (const [size, viewport] of [['desk', DESKTOP], ['phone', PHONE]]) {
  test(`organisations and people, on a ${size}`, async () => {
    await stage.play(`people-${size}`, async () => {
      const n = size === 'desk' ? 1 : 2
      const system = await stage.seat('system', { viewport })
      await system.enter('admin')
      await system.go('/admin/organisations/import')
      const good = n === 1 ? '91350100M000100Y43,测试建设有限公司,321302' : '9144030071526726XG,测试水利有限公司,江苏省宿迁市泗洪县'
      const list = `统一社会信用代码,单位名称,行政区划代码\n${good}\n91350100M000100Y44,校验位错的公司,321302\n`
      await system.page.locator('#list').setInputFiles({ name: '名录.csv', mimeType: 'text/csv', buffer: Buffer.from('\ufeff' + list) })
      await system.page.getByText('统一社会信用代码的校验位不对').waitFor()
      await narrow(system)
      await system.shot(`admin-import-${size}`)
      await system.button('只登记可以登记的 1 个单位').click()
      await system.page.getByText('已登记 1 个单位').waitFor()
      await system.page.getByRole('link', { name: '去核验单位' }).click()

      await system.go('/admin/people')
      await system.button('登记一个人').click()
      await system.page.getByLabel('姓名', { exact: true }).fill('测试员')
      await system.page.getByLabel('登录名', { exact: true }).fill(`ceshi-${size}`)
      await system.button('登记人员').click()
      const password = await system.page.locator('.jb-note .jb-digest').innerText()
      const name = n === 1 ? '测试建设有限公司' : '测试水利有限公司'
      await system.page.getByLabel('单位', { exact: true }).fill(name)
      await system.page.getByRole('option', { name }).click()
      await system.page.getByLabel('角色', { exact: true }).selectOption('buyer')
      await system.page.getByLabel('在哪里行使').fill('宿城')
      await system.page.getByRole('option', { name: /宿城区/ }).click()
      await narrow(system)
      await system.shot(`admin-people-${size}`)
      await system.button('提交申请').click()
      await system.page.getByText('等安全管理员批准后生效').waitFor()

      await system.go('/admin/holidays')
      await system.page.getByLabel('《国务院办公厅关于').fill(NOTICE)
      await system.button('预览影响').click()
      await system.page.getByRole('heading', { name: '2027 年日历' }).waitFor()
      await narrow(system)

      const fresh = await stage.seat('fresh', { viewport })
      fresh.forgive(/^console: \S+\/api\/session .*status of 403/)
      const enter = async () => {
        await fresh.go('/login')
        await fresh.page.getByLabel('登录名', { exact: true }).fill(`ceshi-${size}`)
        await fresh.page.locator('#password').fill(password)
        await fresh.button('登录').click()
      }
      await enter()
      await fresh.page.getByText('还没有加入任何单位').waitFor()

      const security = await stage.seat('security', { viewport })
      await security.enter('security')
      await security.go('/admin')
      await security.page.waitForURL('**/admin/grants')
      await security.page.getByText('新人员').waitFor()
      await narrow(security)
      await security.shot(`admin-grants-${size}`)
      await security.button('批准').click()
      await security.page.getByRole('dialog').getByRole('button', { name: '批准', exact: true }).click()
      await security.page.getByText('没有待批准的申请').waitFor()

      await enter()
      await fresh.page.waitForURL('**/password')
      await fresh.page.getByLabel('现在的口令').fill(password)
      await fresh.page.getByLabel('新口令', { exact: true }).fill('Ziji-2026-kouling')
      await fresh.page.getByLabel('再输入一次新口令').fill('Ziji-2026-kouling')
      await fresh.button('修改口令').click()
      await fresh.page.waitForURL('**/desk')
      await until('the desk of the buyer', () => fresh.page.getByText('本单位的标段').count())
      for (const s of [system, fresh, security]) await s.close()
    })
    assert.deepEqual(stage.faults(), [])
  })
}
