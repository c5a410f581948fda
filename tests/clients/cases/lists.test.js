/** Order, pages and scans. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import CommerceLayerUtils, { retrieveAll, retrievePage, updateAll, deleteAll } from '@commercelayer/sdk-utils'
import { bad, client, ids, Maker, unique } from '../kit.js'

const SIZE = 57
const family = unique('lists')
const mine = { filters: { reference_eq: family } }

let cl, make
before(async () => {
  cl = await client()
  CommerceLayerUtils(cl)
  make = new Maker(cl)
  for (let number = 0; number < SIZE; number++) {
    await make.create('customers', {
      email: `${String(number * 7 % SIZE).padStart(2, '0')}.${family}@example.com`,
      reference: family,
      reference_origin: number % 2 ? 'odd' : 'even',
    })
  }
})

const emails = (customers) => Array.from(customers, ({ email }) => Number(email.slice(0, 2)))

test('page: ten records unless more are asked for', async () => {
  const page = await cl.customers.list(mine)
  assert.equal(page.length, 10)
  assert.deepEqual(page.meta, { pageCount: 6, recordCount: SIZE, currentPage: 1, recordsPerPage: 10 })
  assert.ok(page.hasNextPage() && !page.hasPrevPage())
})

test('page: 25 is the most', async () => {
  const page = await cl.customers.list({ ...mine, pageSize: 25 })
  assert.equal(page.length, 25)
  assert.equal(page.pageCount, 3)
})

test('page: 26 is refused', async () => {
  await bad('INVALID_PAGE_VALUE', cl.customers.list({ ...mine, pageSize: 26 }))
})

test('page: a size that is no number is refused', async () => {
  await bad('INVALID_PAGE_VALUE', cl.customers.list({ ...mine, pageSize: 'many' }))
})

test('page: the last one holds the rest', async () => {
  const page = await cl.customers.list({ ...mine, pageSize: 25, pageNumber: 3 })
  assert.equal(page.length, SIZE - 50)
  assert.ok(!page.hasNextPage() && page.hasPrevPage())
})

test('page: all of them together hold every record once', async () => {
  const seen = []
  for (let pageNumber = 1; pageNumber <= 6; pageNumber++) {
    seen.push(...ids(await cl.customers.list({ ...mine, pageNumber, sort: ['id'] })))
  }
  assert.equal(new Set(seen).size, SIZE)
})

test('page: beyond the end there is nothing', async () => {
  const page = await cl.customers.list({ ...mine, pageNumber: 99 })
  assert.equal(page.length, 0)
  assert.equal(page.recordCount, SIZE)
})

test('page: nothing found is an empty list', async () => {
  const page = await cl.customers.list({ filters: { reference_eq: `${family}-none` } })
  assert.deepEqual([page.length, page.recordCount], [0, 0])
})

test('count: of a filter', async () => {
  assert.equal(await cl.customers.count({ reference_eq: family, reference_origin_eq: 'odd' }), 28)
})

test('sort: ascending', async () => {
  const page = await cl.customers.list({ ...mine, sort: ['email'] })
  assert.deepEqual(emails(page), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('sort: descending', async () => {
  const page = await cl.customers.list({ ...mine, sort: { email: 'desc' }, pageSize: 3 })
  assert.deepEqual(emails(page), [56, 55, 54])
})

test('sort: by two attributes', async () => {
  const page = await cl.customers.list({ ...mine, sort: ['-reference_origin', 'email'], pageSize: 25 })
  const odd = [...page].filter((each) => each.reference_origin === 'odd')
  assert.equal(odd.length, 25)
  assert.deepEqual(emails(odd), emails(odd).toSorted?.((a, b) => a - b) ?? [...emails(odd)].sort((a, b) => a - b))
})

test('sort: newest first', async () => {
  const page = await cl.customers.list({ ...mine, sort: ['-created_at', '-id'], pageSize: 5 })
  const stamps = Array.from(page, (each) => each.created_at)
  assert.deepEqual(stamps, [...stamps].sort().reverse())
})

test('sort: what cannot be sorted by is refused', async () => {
  await bad('INVALID_SORT_CRITERIA', cl.customers.list({ ...mine, sort: ['metadata'] }))
})

test('scan: id_gt follows the order of sort=id', async () => {
  const seen = []
  for (let last; ; ) {
    const filters = { ...mine.filters, ...(last && { id_gt: last }) }
    const page = await cl.customers.list({ filters, sort: ['id'], pageSize: 25 })
    seen.push(...ids(page))
    if (page.length < 25) break
    last = page.last().id
  }
  assert.equal(seen.length, SIZE)
  assert.equal(new Set(seen).size, SIZE)
  const head = await cl.customers.list({ filters: { ...mine.filters, id_lteq: seen[24] }, pageSize: 25 })
  assert.deepEqual(ids(head).sort(), seen.slice(0, 25).sort())
})

test('scan: of everything there is, by id alone', async () => {
  const seen = []
  for (let last; ; ) {
    const page = await cl.customers.list({ ...(last && { filters: { id_gt: last } }), sort: ['id'], pageSize: 25 })
    seen.push(...ids(page))
    if (page.length < 25) break
    last = page.last().id
  }
  assert.ok(seen.length >= SIZE)
  assert.equal(new Set(seen).size, seen.length)
  assert.equal(seen.length, await cl.customers.count())
})

test('scan: others may insert and delete meanwhile', async () => {
  const reference = unique('moving')
  const before = []
  for (let number = 0; number < 30; number++) before.push((await make.create('customers', { reference })).id)
  const filters = { reference_eq: reference }
  const first = ids(await cl.customers.list({ filters, sort: ['id'], pageSize: 25 }))
  await cl.customers.delete(first[3])
  await make.create('customers', { reference })
  const rest = ids(await cl.customers.list({ filters: { ...filters, id_gt: first.at(-1) }, sort: ['id'], pageSize: 25 }))
  const seen = [...first, ...rest]
  assert.equal(new Set(seen).size, seen.length)
  assert.ok(before.every((id) => seen.includes(id)))
})

test('utils: retrieveAll reads past the largest page', async () => {
  const all = await retrieveAll('customers', mine)
  assert.equal(all.length, SIZE)
  assert.equal(new Set(ids(all)).size, SIZE)
})

test('utils: retrieveAll stops at its limit', async () => {
  const some = await retrieveAll('customers', { filters: { reference_eq: family }, limit: 30 })
  assert.equal(some.length, 30)
})

test('utils: retrievePage takes pages larger than 25', async () => {
  const page = await retrievePage('customers', { filters: { reference_eq: family }, pageSize: 40, sort: ['email'] })
  assert.deepEqual(emails(page), [...Array(40).keys()])
})

test('utils: updateAll and deleteAll', async () => {
  const reference = unique('bulk')
  // From 25 requests on the helpers wait 0.4 s before each.
  for (let number = 0; number < 20; number++) await make.create('customers', { reference })
  const filters = () => ({ filters: { reference_eq: reference } })
  const updated = await updateAll('customers', { reference_origin: 'bulk' }, filters())
  assert.deepEqual([updated.total, updated.processed, updated.errors], [20, 20, 0])
  assert.equal(await cl.customers.count({ reference_eq: reference, reference_origin_eq: 'bulk' }), 20)
  const deleted = await deleteAll('customers', filters())
  assert.deepEqual([deleted.processed, deleted.errors], [20, 0])
  assert.equal(await cl.customers.count({ reference_eq: reference }), 0)
})
