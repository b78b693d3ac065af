// A consortium makes its bid offline with the program, submits it online, and replaces it online in the document's own
// form; another bidder does it without a mouse, a third on a phone.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { PHONE, Stage, until } from './harness.mjs'
import { workbook } from './xlsx.mjs'

const run = promisify(execFile)
const JIANBIAO = path.resolve(import.meta.dirname, '..', process.env['JIANBIAO_BIN'] ?? '../../bin/jianbiao')
const PASS = 'Yanlian-2026'
let stage, dir, lot

before(async () => {
  stage = await Stage.open()
  dir = mkdtempSync(path.join(tmpdir(), 'jianbiao-consortium-'))
  const { items } = await stage.platform.get('/api/lots?q=' + encodeURIComponent('塘沟'))
  lot = items.find((l) => l.state === 'published').id
})
after(async () => {
  await stage?.close()
  if (dir) rmSync(dir, { recursive: true, force: true })
})

const at = (name) => path.join(dir, name)
const pdf = (name) => ({ name, mimeType: 'application/pdf', buffer: Buffer.from(`%PDF-1.4 ${name}`) })

/** jianbiao seal in the folder, as somebody without a network runs it. */
const seal = (...args) =>
  run(JIANBIAO, ['seal', '--tender', at('tender.json'), ...args], { env: { ...process.env, JIANBIAO_PASSPHRASE: PASS } }).then((r) => ({ code: 0, ...r }), (e) => e)

async function unlock(page) {
  await page.fill('#vault-pass', PASS)
  await page.press('#vault-pass', 'Enter')
}

/** The bill as a spreadsheet program saves it; prices by code. */
function bill(tender, prices) {
  const items = tender.form.bill.items
  return workbook([['项目编码', '项目名称', '项目特征', '计量单位', '工程量', '综合单价（元）', '合价（元）'], ...items.map((i) => [i.code, i.name, i.feature ?? '', i.unit, Number(i.quantity), prices[i.code] ?? null])])
}

test('a consortium prepares offline, submits online, and replaces its bid', async () => {
  await stage.play('consortium', async () => {
    const seat = await stage.seat('lead')
    const { page } = seat
    const who = await seat.login('bidder5')
    const { people } = await stage.platform.get('/api/rehearsal')
    const partner = people.find((p) => p.login === 'bidder6')
    const { organisation: lead } = await (await seat.context.request.get(`${seat.base}/api/session`)).json()
    await seat.go(`/bids/offline/${lot}`)
    await unlock(page)

    // What the offline program needs is downloaded here.
    for (const [button, name] of [['下载招标信息 tender.json', 'tender.json'], ['下载保险箱', 'vault.jbv']]) {
      const [download] = await Promise.all([page.waitForEvent('download'), seat.button(button).click()])
      await download.saveAs(at(name))
    }
    const tender = JSON.parse(readFileSync(at('tender.json'), 'utf8'))
    assert.equal(tender.form.consortium.maxMembers, 2)
    const prices = Object.fromEntries(tender.form.bill.items.map((i) => [i.code, i.quantity === '1' ? 1234567.89 : 12.34]))
    writeFileSync(at('bill.xlsx'), bill(tender, prices))
    for (const file of ['qualification/执照.pdf', 'qualification/资质.pdf', 'qualification/业绩.pdf', 'qualification/协议.pdf', 'technical/施组.pdf']) {
      mkdirSync(path.dirname(at(`files/${file}`)), { recursive: true })
      writeFileSync(at(`files/${file}`), `%PDF-1.4 ${file}`)
    }
    const form = (papers) => ({
      owner: { name: lead.name, uscc: lead.uscc, legalRepresentative: who.name },
      forms: {
        qualification: {
          values: { grade: '公路工程施工总承包一级', safetyPermit: '（苏）JZ安许证字〔2024〕0001', similarWorks: '3', dishonest: 'no' },
          attachments: { licence: ['执照.pdf'], certificate: ['资质.pdf'], ...papers },
          consortium: { lead: { name: lead.name, uscc: lead.uscc, share: '60' }, members: [{ name: partner.organisation, uscc: '91321300MA1XTEST02', share: '40' }], agreement: '协议.pdf' },
        },
        technical: { attachments: { method: ['施组.pdf'] } },
        price: { price: '3498283.49', durationDays: 300, quality: '合格', manager: '赵工', deposit: { form: '银行保函', amount: '500000' }, values: { safetyCost: '50000' } },
      },
    })
    const args = ['--form', at('form.json'), '--bill', at('bill.xlsx'), '--files', at('files'), '--vault', at('vault.jbv'), '--out', at('bid.jbe')]
    writeFileSync(at('form.json'), JSON.stringify(form({})))
    const refused = await seal(...args)
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /✗ qualification\.attachments\.works：缺少“类似工程业绩证明”.*第 4 项/)
    const sum = /清单合价之和 ([\d,.]+) 元/.exec(refused.stderr)?.[1]
    const ready = form({ works: ['业绩.pdf'] })
    if (sum) ready.forms.price.price = sum
    writeFileSync(at('form.json'), JSON.stringify(ready))
    const sealed = await seal(...args)
    assert.equal(sealed.code, 0, sealed.stderr)

    // The envelope and its keys come in here.
    await page.setInputFiles('#envelope', at('bid.jbe'))
    await page.setInputFiles('#keys', at('vault.jbv'))
    await page.fill('#offline-pass', PASS)
    await seat.shot('consortium-offline')
    await seat.button('递交离线制作的投标文件').click()
    await page.getByText('✓ 投标文件已密封递交').waitFor({ timeout: 60_000 })
    const { digest } = JSON.parse(sealed.stdout)
    assert.match(await page.content(), new RegExp(digest.slice(0, 12)))

    await replace(seat, tender, prices, partner, digest)
    assert.deepEqual(stage.faults(), [])
  })
})

async function replace(seat, tender, prices, partner, first) {
  const { page } = seat
  await seat.go(`/bids/new/${lot}`)
  await page.locator('#vault-pass').or(page.locator('#price')).first().waitFor()
  if (await page.locator('#vault-pass').isVisible()) await unlock(page)
  await page.getByRole('heading', { name: '已经递交' }).waitFor()
  const panel = page.getByRole('complementary', { name: '完整性核对' })
  await panel.getByText('还缺').waitFor()
  await seat.shot('consortium-form-empty')
  // A line of the panel leads to its field.
  await panel.getByRole('link', { name: /请填写“安全生产许可证编号”/ }).click()
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'value-qualification-safetyPermit')
  await page.fill('#value-qualification-safetyPermit', '（苏）JZ安许证字〔2024〕0001')
  await page.selectOption('#value-qualification-grade', '公路工程施工总承包一级')
  await page.fill('#value-qualification-similarWorks', '3')
  await page.selectOption('#value-qualification-dishonest', 'no')
  await page.fill('#value-price-safetyCost', '60000')
  for (const [id, name] of [['files-qualification-licence', '执照.pdf'], ['files-qualification-certificate', '资质.pdf'], ['files-qualification-works', '业绩.pdf'], ['files-technical-method', '施组.pdf']]) await page.setInputFiles(`#${id}`, pdf(name))
  await page.locator('label').filter({ hasText: '以联合体投标' }).click()
  await page.fill('#consortium-lead-share', '70')
  await page.fill('#consortium-members-0-name', partner.organisation)
  await page.fill('#consortium-members-0-uscc', '91321300MA1XTEST02')
  await page.fill('#consortium-members-0-share', '30')
  await page.setInputFiles('#agreement', pdf('协议.pdf'))
  await page.fill('#manager', '赵工')
  await page.locator('label').filter({ hasText: '委托代理人' }).first().click()
  await page.fill('#agent', '李四')
  await page.setInputFiles('#attorney', pdf('授权委托书.pdf'))

  // A bill with a line changed and a price missing is said line by line; the mended one fills the prices.
  const code = tender.form.bill.items[1].code
  const spoiled = { ...tender, form: { bill: { items: tender.form.bill.items.map((i) => (i.code === code ? { ...i, quantity: '1' } : i)) } } }
  await page.setInputFiles('#bill', { name: '清单.xlsx', mimeType: '', buffer: bill(spoiled, { ...prices, [tender.form.bill.items[3].code]: null }) })
  const lines = page.getByRole('region', { name: '清单中的问题' })
  await lines.getByText(/工程量 1 与招标文件的 42350.5 不同/).waitFor()
  assert.match(await lines.innerText(), /5\s+F 单价\s+▲ 没有填写“改性沥青混凝土上面层”的单价/)
  await lines.scrollIntoViewIfNeeded()
  await seat.shot('consortium-bill-errors')
  await page.setInputFiles('#bill', { name: '清单.xlsx', mimeType: '', buffer: bill(tender, prices) })
  await page.getByText('7 项已全部读入，没有问题').waitFor()
  await page.getByRole('button', { name: /以清单合计 .* 元作为报价/ }).click()
  await panel.getByText('✓ 已经完整').waitFor()
  await page.getByText(/草稿已保存 \d\d:\d\d/).waitFor()
  await seat.shot('consortium-form-complete')
  await seat.button('密封并递交').click()
  await page.getByRole('dialog').getByText(/联合体：.*70%，.*30%/).waitFor()
  await seat.shot('consortium-confirm')
  await seat.button('确认替换投标文件').click()
  await page.getByText('✓ 投标文件已密封递交').waitFor({ timeout: 60_000 })
  await seat.button('替换或撤回').click()
  await page.getByText('第 2 版').first().waitFor()
  assert.ok(first)

  // On another computer the draft is there after unlocking; the files are asked for again.
  const other = await stage.seat('other-computer')
  await other.enter('bidder5')
  await other.go(`/bids/new/${lot}`)
  await unlock(other.page)
  await other.page.getByText('草稿里记有这份文件').first().waitFor()
  assert.equal(await other.page.inputValue('#consortium-members-0-name'), partner.organisation)
  assert.equal(await other.page.inputValue('#agent'), '李四')
  await other.page.setInputFiles('#files-qualification-licence', { ...pdf('执照.pdf'), buffer: Buffer.from('%PDF-1.4 something else') })
  await other.page.getByText('与草稿里记下的不是同一份文件').waitFor()
  await other.close()
}

/** Tab until what is focused is what is meant. */
async function tabTo(page, what, test, most = 120) {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press('Tab')
    if (await page.evaluate(test)) return
  }
  assert.fail(`no ${what} within ${most} tabs`)
}

const onButton = (label) => `document.activeElement?.matches('button, a') && document.activeElement.textContent.trim() === '${label}'`

test('without a mouse, from the vault to the receipt', async () => {
  await stage.play('keyboard', async () => {
    const seat = await stage.seat('keyboard')
    const { page } = seat
    await seat.enter('bidder3')
    await seat.go(`/bids/new/${lot}`)
    await page.locator('#vault-pass').waitFor()
    await tabTo(page, 'passphrase', () => document.activeElement?.id === 'vault-pass')
    await page.keyboard.type(PASS)
    await page.keyboard.press('Enter')
    await page.locator('#price').waitFor()
    await tabTo(page, 'sample', onButton('填入演练样本'))
    await page.keyboard.press('Enter')
    await page.getByText('✓ 已经完整').waitFor()
    await tabTo(page, 'manager', () => document.activeElement?.id === 'manager')
    await page.keyboard.press('Control+A')
    await page.keyboard.type('钱工')
    await tabTo(page, 'seal', onButton('密封并递交'))
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await tabTo(page, 'confirmation', onButton('确认密封并递交'), 20)
    await page.keyboard.press('Enter')
    await page.getByText('✓ 投标文件已密封递交').waitFor({ timeout: 60_000 })
    assert.deepEqual(stage.faults(), [])
  })
})

test('on a phone', async () => {
  await stage.play('phone', async () => {
    const seat = await stage.seat('phone', { viewport: PHONE, hasTouch: true, isMobile: true })
    const { page } = seat
    await seat.enter('bidder4')
    await seat.go(`/bids/new/${lot}`)
    await unlock(page)
    await seat.button('填入演练样本').tap()
    await page.getByText('✓ 已经完整').waitFor()
    await page.locator('#part-qualification').scrollIntoViewIfNeeded()
    await seat.shot('consortium-phone')
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(wide <= PHONE.width + 1, `the page is ${wide} wide`)
    await seat.button('密封并递交').tap()
    await page.getByRole('dialog').waitFor()
    await seat.shot('consortium-phone-confirm')
    await seat.button('确认密封并递交').tap()
    await page.getByText('✓ 投标文件已密封递交').waitFor({ timeout: 60_000 })
    await seat.shot('consortium-phone-done')
    await until('the receipt', () => page.getByText('回执').first().isVisible())
    assert.deepEqual(stage.faults(), [])
  })
})
