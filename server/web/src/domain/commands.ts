/** What a person must type in for a command. Whether a command is allowed, the server says; what it asks for stands in its interface. */
export interface CommandInput {
  name: string
  label: string
  help?: string
  required: boolean
  long?: boolean
  /** A date and time of day. */
  instant?: boolean
}

/** Commands of the opening, given in the hall and not on the lot's page. */
export const HALL_COMMANDS: ReadonlySet<string> = new Set([
  'open_lobby', 'record_cutoff', 'abort_lt3', 'close_window', 'import_bids', 'close_objections', 'close', 'close_first', 'review', 'schedule_second', 'cancel_second',
  'start', 'publish_roster', 'start_decrypt', 'announce', 'open_objections', 'answer_objection', 'start_confirmation', 'decide_bid', 'pause', 'resume', 'resume_session', 'confirm_record',
  'check_seal', 'report_missing', 'release_part', 'report_failure', 'raise_objection', 'no_objection', 'remark',
])

const REASON: CommandInput = { name: 'reason', label: '原因', help: '会公布并记入证据，请写清楚。', required: true, long: true }

const INPUTS: Readonly<Record<string, readonly CommandInput[]>> = {
  postpone: [REASON, { name: 'until', label: '推迟到（可不填）', required: false, instant: true }],
  reconvene: [{ name: 'at', label: '复会时间', required: true, instant: true }],
  postpone_deadline: [{ name: 'to', label: '新的投标截止时间', required: true, instant: true }, REASON],
  suspend: [REASON],
  order_suspension: [{ name: 'order', label: '决定书文号', help: '责令暂停应当有书面决定，文号会公布。', required: true }, REASON],
  terminate: [REASON],
}

/** The inputs of a command, none for most. */
export function inputsOf(command: string | undefined): readonly CommandInput[] {
  return (command && INPUTS[command]) || []
}
