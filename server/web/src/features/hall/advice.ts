/** What to do when a file could not be decrypted: plain steps, by reason. The reason's own name comes from the server. */
import type { VaultFailure } from './vault'

export interface Advice {
  /** Most likely fix first. */
  steps: readonly string[]
  /** The person can try again here and now. */
  again: boolean
}

const ADVICE: Readonly<Record<VaultFailure, Advice>> = {
  wrong_passphrase: {
    again: true,
    steps: [
      '看键盘的大写锁定(Caps Lock)是否亮着，输入法是否在中文状态；可点“显示”核对输入的内容。',
      '口令是封装投标文件时设的“保险箱口令”，不是登录密码，也不是 CA 锁的密码。',
      '问一问当时封装文件的同事；口令平台没有保存，谁也不能代为重置。',
    ],
  },
  key_missing: {
    again: true,
    steps: [
      '确认登录的是递交这份文件的单位。',
      '如果在另一台电脑上封装过文件，请在那台电脑上打开大厅；或把那边导出的“保险箱备份”在“保险箱”页面恢复，再回到这里。',
    ],
  },
  key_damaged: {
    again: true,
    steps: ['到“保险箱”页面用备份文件恢复，再回到这里重试。', '没有备份时，请在当时封装文件的电脑上再试一次。'],
  },
  browser_unsupported: {
    again: true,
    steps: ['换用新版 Chrome、Edge 或 360 浏览器（极速模式）打开本页；不需要安装驱动或控件。', '换一台电脑也可以：登录后输入同一个口令即可。'],
  },
  envelope_unreadable: {
    again: true,
    steps: ['这通常不是您的原因。请保留回执，马上向主持人报告。', '平台会用回执核对保存的密文；属于平台原因的，不按撤销处理。'],
  },
  network: {
    again: true,
    steps: ['不用刷新：网络恢复后页面会自己连上，已输入的内容都在。', '可用手机热点联网再试；解密只需要发送很少的数据。'],
  },
  other: { again: true, steps: ['请再试一次。', '仍不成功时，向主持人报告，并保留本页画面。'] },
}

/** The steps for a reason code; unknown codes get the general ones. */
export function adviceFor(reason: string): Advice {
  return ADVICE[reason as VaultFailure] ?? ADVICE.other
}

/** From this many failures on, the whole help is opened without being asked for. */
export const HELP_AFTER = 3
