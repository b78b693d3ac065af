// A bidder's line breaks in the middle of an upload and the page is closed; another day the same envelope goes on where it
// stood, and the receipt is the one of what was sealed.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { PHONE, Stage, until } from './harness.mjs'

const PASS = '续传 测试 口令-2026'
let stage, lot

before(async () => {
  stage = await Stage.open()
  const { items } = await stage.platform.get('/api/lots?state=published')
  lot = items.find((l) => l.project.name.includes('古黄河')).id
})
after(() => stage?.close())

/** The offsets at which a page sends chunks. */
function offsets(page) {
  const seen = []
  page.on('request', (r) => r.method() === 'PATCH' && seen.push(Number(r.headers()['upload-offset'])))
  return seen
}

for (const [size, viewport] of [['desktop', undefined], ['phone', PHONE]]) {
  test(`a broken upload goes on after the page was closed (${size})`, () => stage.play(`upload-${size}`, async () => {
    const seat = await stage.seat(`upload-${size}`, viewport ? { viewport } : {})
    seat.forgive(/ERR_|\/api\/uploads\//)
    const login = size === 'phone' ? 'bidder27' : 'bidder26'
    await seat.login(login)
    await seat.go(`/bids/new/${lot}`)
    let { page } = seat
    await page.fill('#vault-legal', '王续传')
    await page.fill('#vault-new', PASS)
    await page.fill('#vault-again', PASS)
    await page.getByText('我知道：忘记口令').click()
    await seat.button('新建保险箱').click()
    await seat.button('填入演练样本').click()
    // A file that will not open for others is said to be so before it is sealed.
    await page.setInputFiles('#files-technical', { name: '进度计划.pdf', mimeType: 'application/pdf', buffer: Buffer.from('<html>404</html>') })
    await page.getByText('内容不是PDF，开标后可能打不开').waitFor()
    await seat.shot(`upload-warned-${size}`)
    await page.getByRole('button', { name: '移去 进度计划.pdf' }).click()
    await page.getByText('内容不是PDF').waitFor({ state: 'detached' })
    await page.setInputFiles('#files-technical', { name: '施工组织设计.dwg', mimeType: 'application/octet-stream', buffer: randomBytes(6_000_000) })
    let through = 0
    await page.route('**/api/uploads/*', (route) => (route.request().method() === 'PATCH' && through++ >= 2 ? route.abort('connectionreset') : route.continue()))
    await seat.button('密封并递交').click()
    await seat.button('确认密封并递交').click()
    await page.getByText(/网络中断，\d+ 秒后自动接着传/).waitFor({ timeout: 60_000 })
    assert.match(await page.locator('.upload .figures').innerText(), /^\d.* MB \/ \d.* MB/)
    await seat.shot(`upload-broken-${size}`)
    await seat.button('暂停').click()
    await page.getByText('已暂停，随时可以继续').waitFor()

    // The browser is closed and opened again; nothing of the page is left but what it kept.
    const next = await seat.context.newPage()
    await page.close()
    seat.page = page = next
    const sent = offsets(page)
    await seat.go(`/bids/new/${lot}`)
    await page.fill('#vault-pass', PASS)
    await seat.button('打开保险箱').click()
    await page.getByRole('heading', { name: '上次的提交还没有完成' }).waitFor()
    await seat.shot(`upload-unfinished-${size}`)
    await seat.button('继续').click()
    await page.getByText('✓ 投标文件已密封递交').waitFor({ timeout: 60_000 })
    await page.getByText('平台签名有效').waitFor()
    assert.ok(sent[0] > 0, `it began again at ${sent[0]}`)
    assert.deepEqual(sent, [...sent].sort((a, b) => a - b))

    // Nothing is left to go on with.
    await page.reload()
    await page.fill('#vault-pass', PASS)
    await seat.button('打开保险箱').click()
    await page.getByText('已经递交').first().waitFor()
    assert.equal(await page.getByText('上次的提交还没有完成').count(), 0)
    await until('the envelope is forgotten', () => page.evaluate(() => new Promise((resolve) => {
      const open = indexedDB.open('jianbiao-uploads', 1)
      open.onsuccess = () => {
        const count = open.result.transaction('envelopes').objectStore('envelopes').count()
        count.onsuccess = () => { open.result.close(); resolve(count.result === 0) }
      }
    })))
    assert.deepEqual(stage.faults(), [])
    await seat.close()
  }))
}
