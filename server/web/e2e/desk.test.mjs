// An agency's desk at both sizes: a buyer registers a procurement project, its agency makes lot, document and form of bids,
// chooses dates that the law forbids, sees the articles, takes the dates offered, publishes, and the notice is signed.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DESKTOP, PHONE, Stage, until } from './harness.mjs'

let stage
before(async () => {
  stage = await Stage.open()
})
after(() => stage?.close())

/** Types an instant as a person does: the date, Enter, the time of day. */
async function type(page, label, date, clock) {
  const field = page.getByLabel(label, { exact: true })
  await field.fill(date)
  await field.press('Enter')
  const time = page.getByLabel(`${label}的时刻`)
  await time.fill(clock)
  await time.press('Tab')
}

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

async function register(seat, name) {
  const { page } = seat
  await seat.enter('buyer3')
  await seat.go('/desk/new')
  await page.getByText('政府采购', { exact: true }).click()
  const negotiation = page.getByRole('radio', { name: '竞争性谈判' })
  assert.ok(await negotiation.isDisabled(), 'negotiation may be chosen')
  await page.getByText('竞争性谈判要与供应商逐家谈判').waitFor()
  await page.getByLabel('项目名称').fill(name)
  await page.reload() // a draft survives
  await page.getByText('上次没有填完的内容还在').waitFor()
  assert.equal(await page.getByLabel('项目名称').inputValue(), name)
  await page.getByLabel('项目编号').fill(`SQ-ZC-${name}`)
  await page.getByRole('button', { name: '登记项目，下一步' }).click()
  await page.getByText('必填，不超过 200 个字。').first().waitFor() // the plan is not filed
  await page.getByLabel('采购计划备案号').fill('SQCG-2026-0099')
  const region = page.getByRole('combobox', { name: '项目所在地' })
  await region.click()
  await region.fill('泗阳')
  await page.getByRole('option', { name: '江苏省宿迁市泗阳县' }).click()
  await page.getByLabel('采购代理机构').selectOption({ label: '江苏经纬工程咨询有限公司' })
  await seat.shot(`desk-${seat.name}-1-project`)
  await page.getByRole('button', { name: '登记项目，下一步' }).click()
  await page.getByRole('heading', { name: '采购包（标段）' }).waitFor()
}

async function draft(seat, name) {
  const { page } = seat
  await seat.enter('agency1')
  await seat.go('/desk/new')
  await page.locator('.pick').filter({ hasText: name }).click()
  await page.getByLabel('标段名称').fill('教学设备')
  await page.getByLabel('预算金额').fill('2600000')
  await page.getByRole('button', { name: '建立标段，下一步' }).click()
  await page.getByRole('heading', { name: '采购文件', exact: true }).waitFor()
  await page.getByLabel('供应商资格要求').fill('投标报名时间：公告期内。')
  await page.getByText('本平台不设报名', { exact: false }).waitFor() // said while it is typed
  await page.getByLabel('供应商资格要求').fill('符合《中华人民共和国政府采购法》第二十二条的规定。')
  await page.getByText('要求缴纳投标保证金').click()
  await page.getByRole('textbox', { name: '投标保证金' }).fill('60000')
  await page.getByText(/最高52000元，现为60000元.*第三十三条/).waitFor()
  await seat.shot(`desk-${seat.name}-2-document`)
  await page.getByRole('textbox', { name: '投标保证金' }).fill('52000')
  await page.getByRole('button', { name: '保存采购文件，下一步' }).click()

  await page.getByRole('heading', { name: '投标文件格式' }).waitFor()
  await page.getByRole('button', { name: '加入常用资料' }).click()
  await page.getByText('要求逐项报价，合价之和应等于投标报价').click()
  await page.getByLabel('从电子表格粘贴或者导入').fill('编码\t名称\t规格\t单位\t数量\nA1\t交互平板\t86 寸\t台\t24\nA2\t线缆\t\t米\t很多')
  await page.getByRole('button', { name: '读取粘贴的内容' }).click()
  await page.getByText('第 3 行：数量“很多”').waitFor()
  await page.getByLabel('从电子表格粘贴或者导入').fill('编码\t名称\t规格\t单位\t数量\nA1\t交互平板\t86 寸\t台\t24\nA2\t线缆\t\t米\t1,200')
  await page.getByRole('button', { name: '读取粘贴的内容' }).click()
  await page.getByText('清单共').waitFor()
  await page.getByText('接受联合体投标').click()
  await seat.shot(`desk-${seat.name}-3-form`)
  assert.equal(await overflow(page), 0, 'the form is wider than the screen')
  await page.getByRole('button', { name: '保存格式，下一步' }).click()
  await page.getByRole('heading', { name: '公告和时间' }).waitFor()
  return new URL(page.url()).searchParams.get('lot')
}

async function publish(seat, lot) {
  const { page } = seat
  const go = page.getByRole('button', { name: '发布招标公告', exact: true })
  await type(page, '采购文件提供截止', '2026-03-06', '17:30')
  await type(page, '公告期限届满', '2026-03-07', '00:00')
  await type(page, '投标截止（同时开标）', '2026-03-20', '09:30')
  await page.getByText(/不得少于20日.*《中华人民共和国政府采购法》第三十五条/).first().waitFor()
  await page.getByText(/不得少于5个工作日.*政府采购法实施条例》第三十一条/).first().waitFor()
  assert.ok(await go.isDisabled(), 'unlawful dates may be published')
  await seat.shot(`desk-${seat.name}-4-unlawful`)

  // The server refuses them as well, with the article.
  const refused = await seat.context.request.post(`${seat.base}/api/lots/${lot}/commands/publish`, {
    data: { saleEnd: '2026-03-06T17:30:00+08:00', bidDeadline: '2026-03-20T09:30:00+08:00', noticeTitle: '公告', noticeBody: '正文' },
  })
  const problem = await refused.json()
  assert.equal(refused.status(), 412)
  assert.equal(problem.code, 'rule.min_period')
  assert.ok(problem.basis && problem.fields.saleEnd && problem.fields.bidDeadline, JSON.stringify(problem))

  await page.reload() // what was chosen is still there
  await page.getByText('上次没有发布的内容还在').waitFor()
  await until('the dates are checked again', async () => (await page.getByText(/不得少于20日/).count()) > 0)
  await page.getByRole('button', { name: '采用最早合法时间' }).click()
  await until('publishing is possible', () => go.isEnabled())
  // A click in the drawn calendar chooses a day too.
  await page.locator('.jb-field').filter({ has: page.locator('#date-bidDeadline') }).getByRole('button', { name: '看日历' }).click()
  await page.getByRole('button', { name: /^2026-03-25/ }).click()
  assert.equal(await page.getByLabel('投标截止（同时开标）', { exact: true }).inputValue(), '2026-03-25')
  await until('publishing is possible', () => go.isEnabled())
  assert.equal(await overflow(page), 0, 'the dates are wider than the screen')
  await seat.shot(`desk-${seat.name}-5-lawful`)
  await page.getByRole('button', { name: '按现在的时间重写正文' }).click()
  assert.match(await page.getByLabel('公告正文').inputValue(), /采购人：[\s\S]*自本公告发布之日起5个工作日|自本公告发布之日起5个工作日[\s\S]*采购人：/)
  await go.click()
  await page.getByRole('button', { name: '确认发布招标公告' }).click()
  await page.waitForURL('**/notices/1')
}

async function notice(seat, lot) {
  const { page } = seat
  await page.getByText('平台签名验证通过').waitFor()
  const { contentDigest, digest, signature, verified, notice: n } = await stage.platform.get(`/api/lots/${lot}/notices/1`)
  assert.ok(verified && /^sm3:[0-9a-f]{64}$/.test(contentDigest))
  for (const text of [contentDigest, digest, signature.signatureSM2, signature.signatureEd25519]) await page.getByText(text, { exact: true }).first().waitFor()
  // A medium that carries the same words, and one that does not.
  for (const [medium, text, verdict] of [['中国政府采购网', `${n.title}\n\n${n.body.replaceAll('。', '。 ')}`, '内容一致'], ['江苏政府采购网', `${n.body}须投标报名。`, '内容不一致']]) {
    await page.getByRole('button', { name: '登记发布媒介' }).click()
    await page.getByLabel('媒介名称').fill(medium)
    await page.getByLabel('公告网址').fill('https://www.ccgp.example.cn/1.html')
    await page.getByLabel('该媒介上的公告全文').fill(text)
    await type(page, '媒介发布的时间', '2026-03-02', '08:00')
    await page.getByRole('button', { name: '登记并比对内容' }).click()
    await page.locator('.media li').filter({ hasText: medium }).locator('.light').filter({ hasText: new RegExp(`${verdict}$`) }).waitFor()
  }
  await page.getByText('有媒介上的公告内容与签名的公告不一致').waitFor()
  assert.equal(await overflow(page), 0, 'the notice is wider than the screen')
  await seat.shot(`desk-${seat.name}-6-notice`)
}

for (const [size, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
  test(`an agency publishes a procurement tender whose first dates were unlawful (${size})`, async () => {
    const name = `智慧校园设备采购${size === 'phone' ? '二期' : '一期'}`
    const buyer = await stage.seat(`${size}-buyer`, { viewport })
    const agency = await stage.seat(size, { viewport })
    // The refusals that this test provokes are answers, not faults.
    for (const seat of [buyer, agency]) seat.forgive(/^console: \S+\/api\/(projects|lots).*status of (412|422)/)
    await stage.play(`desk-${size}`, async () => {
      await register(buyer, name)
      const lot = await draft(agency, name)
      await publish(agency, lot)
      await notice(agency, lot)
      const kinds = (await stage.platform.events(lot)).map((e) => e.kind)
      assert.ok(kinds.includes('notice.published') && kinds.filter((k) => k === 'notice.medium_recorded').length === 2, kinds.join(' '))
    })
    assert.deepEqual(stage.faults(), [])
    await Promise.all([buyer.close(), agency.close()])
  })
}
