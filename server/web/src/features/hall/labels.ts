/** Labels of the server that only the hall needs: flags of the reading-out table, and what became of a bid. */
import { useMeta, type Meta } from '@/api/meta'

type HallMeta = Meta & { flags?: Record<string, string>; outcomes?: Record<string, string> }

/** `above_ceiling` → 高于最高限价; empty for a code the server does not name. */
export const flagLabel = (code: string): string => (useMeta().value as HallMeta | undefined)?.flags?.[code] ?? ''

/** `revoked` → 视为撤销. */
export const outcomeLabel = (code: string): string => (useMeta().value as HallMeta | undefined)?.outcomes?.[code] ?? ''
