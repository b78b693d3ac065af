// Contract-shaped data for `npm run dev:mocked`. Invented; nothing of it is ever built into the application.
const NOW = '2026-03-02T09:12:00+08:00'
const started = Date.now()

export const time = () => ({ legal: new Date(Date.parse(NOW) + Date.now() - started).toISOString(), real: new Date(Date.now() - 1200).toISOString(), rate: 1 })

export const meta = {
  roles: { public: '公众', buyer: '招标人', agency: '招标代理机构', bidder: '投标人', expert: '评标专家', supervisor: '行业监督', general_supervisor: '综合监管', discipline_inspector: '纪检监察', witness_officer: '见证人员', centre: '交易中心', notary: '公证', admin: '系统管理', clock: '授时', rehearsal: '演练' },
  lotStates: { drafting: '编制中', published: '招标中', cut_off: '已截标', opened: '已开标', failed: '招标失败', terminated: '已终止' },
  openingStates: [
    { code: 'scheduled', label: '待开标', step: 0 }, { code: 'lobby_open', label: '大厅已开放', step: 1 }, { code: 'decrypting', label: '解密中', step: 3 },
    { code: 'announcing', label: '唱标中', step: 4 }, { code: 'closed', label: '已结束', step: 7 },
  ],
  events: {},
  commands: {},
  reasons: { wrong_passphrase: '口令不对', key_missing: '找不到密钥', other: '其他' },
}

const people = [
  ['buyer', '招标人', '宿迁市城市建设投资集团有限公司', '周敏'], ['agency', '招标代理机构', '江苏宏信工程咨询有限公司', '陈立'],
  ['bidder', '投标人', '苏北建设集团有限公司', '王海'], ['bidder', '投标人', '运河建工集团有限公司', '李静'], ['bidder', '投标人', '华宇建设工程有限公司', '赵强'],
  ['supervisor', '行业监督', '宿迁市住房和城乡建设局', '孙岩'], ['witness_officer', '见证人员', '宿迁市公共资源交易中心', '吴桐'],
].map(([role, roleLabel, organisation, name], i) => ({ login: `${role}${i}`, name, organisation, role, roleLabel, password: 'rehearsal' }))

export const rehearsal = () => ({ city: '宿迁', legalTime: NOW, rate: 1, people })

export const session = (login: string) => {
  const p = people.find((x) => x.login === login) ?? people[0]
  const organisation = { id: 'o1', name: p?.organisation ?? '', uscc: '91321300MA1WXYZ12K' }
  return { person: { id: 'p1', name: p?.name, login }, organisation, role: p?.role, region: '321300', memberships: [{ organisation, role: p?.role, label: p?.roleLabel }] }
}

const summary = (n: number, name: string, state: string, openingState: string, deadline?: string) => ({
  id: `lot-${n}`, code: `E3213000001000${n}00100${n}`, name, project: { id: `p${n}`, code: `E321300000100${n}`, name: name.slice(0, 12) },
  buyer: '宿迁市城市建设投资集团有限公司', agency: '江苏宏信工程咨询有限公司', region: { code: '321300', name: '宿迁市' }, state, openingState,
  publishedAt: '2026-02-10T09:00:00+08:00', bidDeadline: deadline, openingAt: deadline, priceCeiling: '48632100.00', suspended: false, updatedAt: NOW,
})
const all = [
  summary(1, '宿迁市第三人民医院门诊综合楼工程施工一标段', 'published', 'scheduled', '2026-03-04T09:30:00+08:00'),
  summary(2, '洪泽湖路雨污分流改造工程施工二标段', 'cut_off', 'decrypting', '2026-03-02T09:00:00+08:00'),
  summary(3, '市民服务中心外立面修缮工程', 'opened', 'closed', '2026-02-26T09:30:00+08:00'),
  summary(4, '骆马湖旅游公路养护工程', 'failed', 'aborted_lt3', '2026-02-25T09:30:00+08:00'),
  { ...summary(5, '城北小学扩建工程', 'published', 'scheduled', '2026-03-18T09:30:00+08:00'), suspended: true },
]

export const lots = (params: URLSearchParams) => ({
  items: all.filter((l) => (!params.get('state') || l.state === params.get('state')) && l.name.includes(params.get('q') ?? '')),
})

export const lot = (id: string) => {
  const found = all.find((l) => l.id === id)
  if (!found) return undefined
  return {
    body: {
      lot: { ...found, compulsory: true, documentVersion: 1, keys: { cutoff: process.env['MOCK_CUTOFF'] ?? '', opening: process.env['MOCK_OPENING'] ?? '', vrf: '' } },
      document: {
        version: 1, issuedAt: '2026-02-10T09:00:00+08:00', digest: 'sm3:55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa',
        params: {
          sections: [{ name: 'qualification', label: '资格审查', required: true }, { name: 'technical', label: '技术标', required: true }, { name: 'price', label: '报价', required: true }],
          form: { price: true, duration: true, quality: true, manager: true, deposit: true }, priceCeiling: '48632100.00', decryptMinutes: 30, sealCheckMinutes: 10, objectionMinutes: 5, confirmMinutes: 15,
          coefficient: { min: '0.95', max: '0.98', step: '0.005' }, bidValidityDays: 90, withdrawnLowersCount: false, durationDays: 420, quality: '合格', deposit: { amount: '800000', forms: ['银行转账', '保函'] },
        },
        files: [{ id: 'f1', name: '招标文件.pdf', media: 'application/pdf', size: 1_830_220, sm3: 'sm3:11' }, { id: 'f2', name: '工程量清单.xlsx', media: 'application/vnd.ms-excel', size: 220_114, sm3: 'sm3:22' }],
      },
      notices: [{ number: 1, kind: 'tender_notice', title: `${found.name}招标公告`, body: '本招标项目已由宿迁市发展和改革委员会批准建设,招标人为宿迁市城市建设投资集团有限公司,现对该项目施工进行公开招标。\n\n投标人可在平台直接下载招标文件,无须报名。', publishedAt: '2026-02-10T09:00:00+08:00', digest: 'sm3:aa' }],
      milestones: [
        { code: 'notice', label: '招标公告发布', at: '2026-02-10T09:00:00+08:00', done: true },
        { code: 'bid.deadline', label: '投标截止', at: found.bidDeadline, done: found.state !== 'published', rule: 'R09-1', basis: '招标投标法 第二十四条' },
        { code: 'opening', label: '开标', at: found.openingAt, done: found.state === 'opened' },
      ],
      opening: { state: found.openingState, scheduledAt: found.openingAt },
      actions: [
        { command: 'terminate', label: '终止招标', allowed: true, confirm: { title: '终止招标', text: '终止后本标段不再接受投标,已递交的投标文件不会被打开。', article: '招标投标法实施条例 第三十一条' } },
        { command: 'open_lobby', label: '开放开标大厅', allowed: false, refusal: { code: 'opening.too_early', detail: '开标前 60 分钟由平台自动开放大厅。', basis: '' } },
      ],
    },
  }
}

const actor = { organisation: '江苏宏信工程咨询有限公司', person: '陈立', role: 'agency', roleLabel: '招标代理机构' }
export const events = {
  items: [
    { seq: 1, id: 'e1', kind: 'lot.created', label: '建立标段', at: '2026-02-06T10:20:31+08:00', actor, commitment: 'sm3:77', proofState: 'cosigned', text: '建立标段' },
    { seq: 2, id: 'e2', kind: 'notice.published', label: '发布招标公告', at: '2026-02-10T09:00:00+08:00', actor, commitment: 'sm3:78', proofState: 'integrated', text: '发布招标公告,投标截止 03-04 周三 09:30' },
    { seq: 3, id: 'e3', kind: 'x', label: '', at: '2026-02-12T09:00:00+08:00', closed: true, commitment: 'sm3:79', proofState: 'recorded', text: '' },
  ],
}

export const rules = [{ code: 'R09-1', matter: 'M09', name: '招标文件发出至投标截止', kind: 'MIN', n: 20, unit: 'CD', from: 'doc.issued', until: 'bid.deadline', basis: '招标投标法 第二十四条', domain: 'ENG' }]
const day = (date: string, weekday: string, workday: boolean, counted: boolean, why: string) => ({ date, weekday, workday, counted, why })
export const deadline = {
  date: '2026-03-11', at: '2026-03-12T00:00:00+08:00', bound: '最迟2026年3月11日24时', kind: 'MAX', unit: 'WD', n: 3, mode: 'DATE_DIFF', from: '2026-03-06T00:00:00+08:00', exclude: [],
  days: [
    day('2026-03-06', '周五', true, false, '起算当日，不计入（民法典第二百零一条）'), day('2026-03-07', '周六', false, false, '周末'), day('2026-03-08', '周日', false, false, '周末'),
    day('2026-03-09', '周一', true, true, '第1个工作日'), day('2026-03-10', '周二', true, true, '第2个工作日'), day('2026-03-11', '周三', true, true, '第3个工作日'),
  ],
  remarks: ['2026年2月28日周六调休上班'],
}
