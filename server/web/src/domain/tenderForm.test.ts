import { expect, test } from 'vitest'
import { freeName, usualPapers } from './tenderForm'

test('a new name is one that nothing has', () => {
  expect(freeName([], 'field')).toBe('field1')
  expect(freeName([{ name: 'field1' }, { name: 'field3' }], 'field')).toBe('field4')
  expect(freeName([{ name: 'field2' }], 'field')).toBe('field3')
})

test('usual papers are added once', () => {
  const once = usualPapers('GOV', 'qualification', [])
  expect(once.length).toBeGreaterThan(3)
  expect(new Set(once.map((p) => p.name)).size).toBe(once.length)
  expect(usualPapers('GOV', 'qualification', once)).toEqual(once)
  expect(usualPapers('other', 'x', [])).toEqual([])
})
