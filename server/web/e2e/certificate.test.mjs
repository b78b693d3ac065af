// A host binds a demo certificate, logs in with it, enrols an authenticator, and is asked for it before he does something
// that cannot be taken back: on a page, where what he typed stays, and in the hall over its socket. The codes are computed
// here as an app computes them.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import { DESKTOP, PHONE, Stage, until } from './harness.mjs'

const PASSWORD = 'Yanlian-2026'
let stage, host, lots

before(async () => {
  stage = await Stage.open()
  lots = (await stage.platform.get('/api/lots?limit=100')).items
})
after(() => stage?.close())

/** RFC 6238 with a secret in base32. */
function totp(secret, shift = 0) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + shift))
  const sum = createHmac('sha1', key).update(counter).digest()
  return String((sum.readUInt32BE(sum.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

const part = (name, play) => test(name, async (t) => {
  if (stage.failed) return t.skip('an earlier part failed')
  stage.failed = true
  await stage.play(name.replaceAll(/\W+/g, '-'), play)
  assert.deepEqual(stage.faults(), [], 'a console error, a failed request or a 5xx')
  stage.failed = false
})

let file, secret

part('a demo certificate is fetched and bound', async () => {
  host = await stage.seat('host')
  host.forgive(/^console: \S+\/api\/session\/(certificate|challenge|factor) /) // refusals that this test provokes
  host.forgive(/^console: \S+\/api\/lots\/[^/]+\/commands\/terminate .*status of 401/)
  await host.login('agency1')
  await host.page.getByRole('link', { name: '账户安全' }).click()
  const [download] = await Promise.all([host.page.waitForEvent('download'), host.button('下载机构证书').click()])
  assert.match(download.suggestedFilename(), /^演练证书-机构证书-江苏经纬工程咨询有限公司\.json$/)
  file = await host.keep(download, 'demo-certificate.json')
  await host.button('绑定数字证书').click()
  await host.page.setInputFiles('input[type=file]', file)
  await host.page.getByLabel('证书口令').fill('Yanlian-2025')
  await host.button('签名并绑定').click()
  await host.page.getByText('证书口令不正确').waitFor()
  await host.page.getByLabel('证书口令').fill(PASSWORD)
  await host.button('签名并绑定').click()
  await host.page.getByText('见标演练 CA').waitFor()
  await host.shot('account-certificate')
})

part('the host logs in with it', async () => {
  await host.button('退出').click()
  await host.page.waitForURL(stage.platform.url + '/')
  await host.go('/login')
  await host.page.getByRole('tab', { name: '数字证书登录' }).click()
  await host.page.setInputFiles('input[type=file]', file)
  await host.page.getByLabel('证书口令').fill(PASSWORD)
  await host.shot('login-certificate')
  await host.page.setViewportSize(PHONE)
  await host.shot('login-certificate-phone')
  await host.page.setViewportSize(DESKTOP)
  await host.button('签名并登录').click()
  await host.page.waitForURL('**/desk')
  await host.page.getByText('江苏经纬工程咨询有限公司').first().waitFor()
})

part('an authenticator is enrolled by its QR code', async () => {
  await host.button('退出').click()
  await host.login('agency1') // by password: a login by certificate would count as a second factor
  await host.go('/account')
  await host.button('启用动态口令').click()
  await host.page.getByRole('img', { name: '动态口令的二维码' }).waitFor()
  secret = (await host.page.locator('.secret').innerText()).replaceAll(' ', '')
  await host.shot('account-enrol')
  await host.page.fill('#enrol-code', '000000')
  await host.button('启用动态口令').click()
  await host.page.getByText('动态口令不正确').first().waitFor()
  host.faults = host.faults.filter((f) => !f.includes('/api/account/totp'))
  await host.page.fill('#enrol-code', totp(secret, -1))
  await host.button('启用动态口令').click()
  await host.page.locator('.codes li').first().waitFor()
  assert.equal(await host.page.locator('.codes li').count(), 10)
  await host.shot('account-codes')
  await host.page.getByText('我已经把备用码存到安全的地方').click()
  await host.button('完成').click()
  await host.page.getByText('备用码还剩 10 个').waitFor()
  await host.page.setViewportSize(PHONE)
  await host.shot('account-phone')
  assert.ok(await host.page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), 'wider than a phone')
  await host.page.setViewportSize(DESKTOP)
})

part('a sensitive act asks, keeps what was typed, and goes on', async () => {
  const lot = lots.find((l) => l.project.name === '宿迁市第一中学改扩建工程')
  await host.go(`/lots/${lot.id}`)
  await host.button('终止招标').click()
  const act = host.page.getByRole('dialog').filter({ hasText: '终止招标' })
  await act.getByRole('textbox').fill('项目建设方案调整，取消本次招标。')
  await act.getByRole('button', { name: '终止招标' }).click()
  const ask = host.page.getByRole('dialog', { name: '第二验证' })
  await ask.waitFor()
  await host.shot('factor-dialog')
  await ask.getByLabel('动态口令').fill('000000')
  await ask.getByRole('button', { name: '验证并继续' }).click()
  await ask.getByText('动态口令不正确').first().waitFor()
  await host.page.setViewportSize(PHONE)
  await host.shot('factor-dialog-phone')
  await host.page.setViewportSize(DESKTOP)
  await ask.getByLabel('动态口令').fill(totp(secret))
  await ask.getByRole('button', { name: '验证并继续' }).click()
  await until('the lot is terminated', async () => (await stage.platform.get(`/api/lots/${lot.id}`)).lot.state === 'terminated')
  await ask.waitFor({ state: 'hidden' })
  const events = await stage.platform.events(lot.id)
  assert.equal(events.filter((e) => e.kind === 'tender.terminated' || e.kind === 'lot.terminated').length, 1)
})

part('in the hall the dialog comes over the socket, and a certificate answers it', async () => {
  const lot = lots.find((l) => l.openingState === 'lobby_open')
  const buyer = await stage.seat('buyer')
  buyer.forgive(/^console: \S+\/api\/session\/factor /)
  await buyer.login('buyer1')
  await buyer.go('/account')
  const [download] = await Promise.all([buyer.page.waitForEvent('download'), buyer.button('下载个人证书').click()])
  const own = await buyer.keep(download, 'demo-person.json')
  await buyer.button('绑定数字证书').click()
  await buyer.page.setInputFiles('input[type=file]', own)
  await buyer.page.getByLabel('证书口令').fill(PASSWORD)
  await buyer.button('签名并绑定').click()
  await buyer.page.getByText('见标演练 CA').waitFor()
  await buyer.button('启用动态口令').click()
  const its = (await buyer.page.locator('.secret').innerText()).replaceAll(' ', '')
  await buyer.page.fill('#enrol-code', totp(its))
  await buyer.button('启用动态口令').click()
  await buyer.page.locator('.codes li').first().waitFor()
  await stage.platform.clock({ moveTo: '2026-03-02T09:00:01+08:00' })
  await until('the cut-off record', async () => fetch(`${stage.platform.url}/api/lots/${lot.id}/cutoff`).then((r) => r.ok))
  await buyer.go(`/lots/${lot.id}/hall`)
  const big = buyer.page.locator('.me .big', { hasText: '开始开标' })
  await big.click()
  const ask = buyer.page.getByRole('dialog', { name: '第二验证' })
  await ask.waitFor()
  await buyer.shot('factor-hall')
  await ask.getByRole('button', { name: '改用数字证书' }).click()
  await buyer.page.setInputFiles('.el-dialog input[type=file]', own)
  await ask.getByLabel('证书口令').fill(PASSWORD)
  await ask.getByRole('button', { name: '签名并继续' }).click()
  await until('the opening is started', async () => (await stage.platform.get(`/api/lots/${lot.id}/snapshot`)).state === 'started')
  await ask.waitFor({ state: 'hidden' })
})

part('a bidder signs a bid with the certificates of its firm and of its legal representative', async () => {
  const lot = lots.find((l) => l.project.name === '沭阳县塘沟至韩山公路改建工程')
  const bidder = await stage.seat('bidder')
  const { page } = bidder
  await bidder.enter('bidder3')
  await bidder.go('/account')
  const saved = {}
  for (const [button, name] of [['下载机构证书', 'demo-firm.json'], ['下载个人证书', 'demo-legal.json']]) {
    const [download] = await Promise.all([page.waitForEvent('download'), bidder.button(button).click()])
    saved[name] = await bidder.keep(download, name)
  }
  await bidder.go(`/bids/new/${lot.id}`)
  await page.fill('#vault-pass', PASSWORD)
  await page.press('#vault-pass', 'Enter')
  await bidder.button('填入演练样本').click()
  await bidder.button('用数字证书签署').click()
  await page.setInputFiles('#sign-firm', saved['demo-firm.json'])
  await page.setInputFiles('#sign-signatory', saved['demo-legal.json'])
  await page.fill('#sign-pass', PASSWORD)
  await page.getByRole('region', { name: '签署' }).scrollIntoViewIfNeeded()
  await bidder.shot('bid-sign')
  await bidder.button('使用这些证书').click()
  await page.getByText('机构证书（demo-firm.json）').waitFor()
  await page.getByText('个人证书（demo-legal.json）').waitFor()
  await page.setViewportSize(PHONE)
  await page.getByRole('region', { name: '签署' }).scrollIntoViewIfNeeded()
  await bidder.shot('bid-sign-phone')
  await page.setViewportSize(DESKTOP)
  await bidder.button('密封并递交').click()
  await bidder.button('确认密封并递交').click()
  await page.getByText('✓ 投标文件已密封递交').waitFor({ timeout: 60_000 })
})
