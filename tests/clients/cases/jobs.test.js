/** Imports, exports and cleanups: jobs that take their time. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import CommerceLayerUtils, { cleanups, exportz, imports } from '@commercelayer/sdk-utils'
import { client, invalid, link, Maker, onlyDirect, refusal, unique, until } from '../kit.js'

let cl, make
before(async () => {
  cl = await client()
  CommerceLayerUtils(cl)
  make = new Maker(cl)
})

const over = ({ status }) => !['pending', 'in_progress'].includes(status)

async function finished(type, attributes) {
  const { id, status } = await cl[type].create(attributes)
  assert.equal(status, 'pending')
  return until(() => cl[type].retrieve(id), over, `the end of ${type}`)
}

/** What the attachment holds. Its address takes no token. */
async function attachment({ attachment_url }) {
  const answer = await fetch(attachment_url)
  assert.equal(answer.status, 200)
  return gunzipSync(Buffer.from(await answer.arrayBuffer())).toString('utf-8')
}

const customers = (count, attributes = {}) =>
  Array.from({ length: count }, () => ({ email: `${unique('import')}@example.com`, ...attributes }))

const skus = async (count, attributes = {}) => {
  const { id } = await make.some('shipping_categories')
  return Array.from({ length: count }, () => ({ code: unique('SKU'), name: 'Imported', shipping_category_id: id, ...attributes }))
}

test('import: makes what it is given', async () => {
  const inputs = customers(3, { reference: unique('imported') })
  const job = await finished('imports', { resource_type: 'customers', inputs })
  assert.equal(job.status, 'completed')
  assert.deepEqual([job.inputs_size, job.processed_count, job.errors_count], [3, 3, 0])
  assert.ok(job.started_at && job.completed_at)
  assert.equal(await cl.customers.count({ reference_eq: inputs[0].reference }), 3)
})

test('import: finds what is there by its natural key', async () => {
  const [row] = await skus(1)
  await finished('imports', { resource_type: 'skus', inputs: [row] })
  const job = await finished('imports', { resource_type: 'skus', inputs: [{ ...row, name: 'Again' }] })
  assert.equal(job.errors_count, 0)
  const found = await cl.skus.list({ filters: { code_eq: row.code } })
  assert.deepEqual(Array.from(found, ({ name }) => name), ['Again'])
})

test('import: finds what is there by its id', async () => {
  const { id, code } = await make.create('skus')
  await finished('imports', { resource_type: 'skus', inputs: [{ id, name: 'By id' }] })
  const found = await cl.skus.retrieve(id)
  assert.deepEqual([found.code, found.name], [code, 'By id'])
})

test('import: prices into their price list', async () => {
  const [sku, list] = [await make.create('skus'), await make.create('price_lists')]
  const inputs = [{ sku_code: sku.code, amount_cents: 4_200 }]
  await finished('imports', { resource_type: 'prices', parent_resource_id: list.id, inputs })
  const [price] = await cl.skus.prices(sku.id, { include: ['price_list'] })
  assert.deepEqual([price.amount_cents, price.price_list.id], [4_200, list.id])
})

test('import: stock items into their stock location', async () => {
  const [sku, location] = [await make.create('skus'), await make.create('stock_locations')]
  const inputs = [{ sku_code: sku.code, quantity: 12 }]
  const row = () => finished('imports', { resource_type: 'stock_items', parent_resource_id: location.id, inputs })
  await row()
  inputs[0].quantity = 15
  await row()
  const found = await cl.stock_items.list({ filters: { sku_code_eq: sku.code }, include: ['stock_location'] })
  assert.deepEqual(Array.from(found, (each) => [each.quantity, each.stock_location.id]), [[15, location.id]])
})

test('import: from CSV', async () => {
  const rows = await skus(2, { reference: unique('csv') })
  const columns = ['code', 'name', 'shipping_category_id', 'reference']
  const inputs = [columns, ...rows.map((row) => columns.map((name) => row[name]))].map((cells) => cells.join(',')).join('\n')
  const job = await finished('imports', { resource_type: 'skus', format: 'csv', inputs })
  assert.deepEqual([job.status, job.inputs_size], ['completed', 2])
  assert.equal(await cl.skus.count({ reference_eq: rows[0].reference }), 2)
})

test('import: from CSV with a quoted comma', async () => {
  const [{ code, shipping_category_id }] = await skus(1)
  const inputs = `code,name,shipping_category_id\n${code},"Shirt, ""white""",${shipping_category_id}\n`
  await finished('imports', { resource_type: 'skus', format: 'csv', inputs })
  assert.equal((await cl.skus.list({ filters: { code_eq: code } }))[0].name, 'Shirt, "white"')
})

test('import: few errors are told of, the rest is done', async () => {
  const rows = await skus(20)
  delete rows[7].name
  const job = await finished('imports', { resource_type: 'skus', inputs: rows })
  assert.equal(job.status, 'completed')
  assert.deepEqual([job.inputs_size, job.errors_count], [20, 1])
  assert.ok(job.errors_log[rows[7].code].name.some((message) => /blank/.test(message)))
  assert.equal(await cl.skus.count({ code_in: rows.slice(0, 10).map(({ code }) => code) }), 9)
})

test('import: more errors than a tenth interrupt it, what is done stays', async () => {
  const rows = await skus(10)
  delete rows[4].name
  delete rows[5].name
  const job = await finished('imports', { resource_type: 'skus', inputs: rows })
  assert.equal(job.status, 'interrupted')
  assert.ok(job.interrupted_at)
  assert.equal(await cl.skus.count({ code_in: rows.slice(0, 4).map(({ code }) => code) }), 4)
  assert.equal(await cl.skus.count({ code_in: rows.slice(6).map(({ code }) => code) }), 0)
})

test('import: goes on after errors when it is told to', async () => {
  const rows = await skus(4)
  delete rows[0].name
  delete rows[1].name
  const job = await finished('imports', { resource_type: 'skus', inputs: rows, skip_errors: true })
  assert.deepEqual([job.status, job.errors_count], ['completed', 2])
  assert.equal(await cl.skus.count({ code_in: rows.map(({ code }) => code) }), 2)
})

test('import: its inputs can be fetched again', async () => {
  const inputs = customers(2)
  const job = await finished('imports', { resource_type: 'customers', inputs })
  assert.deepEqual(JSON.parse(await attachment(job)), inputs)
})

test('import: of a type that cannot be imported is refused', async () => {
  await refusal(422, cl.imports.create({ resource_type: 'markets', inputs: [{ name: 'x' }] }))
})

test('import: of nothing is refused', async () => {
  await refusal(422, cl.imports.create({ resource_type: 'customers', inputs: [] }))
})

test('import: is interrupted', async () => {
  const { id } = await cl.imports.create({ resource_type: 'customers', inputs: customers(200) })
  await cl.imports._interrupt(id)
  assert.equal((await cl.imports.retrieve(id)).status, 'interrupted')
})

test('import: tags by name', async () => {
  const tag = await make.create('tags')
  const [row] = customers(1)
  await finished('imports', { resource_type: 'customers', inputs: [{ ...row, tags: [{ name: tag.name }] }] })
  const [customer] = await cl.customers.list({ filters: { email_eq: row.email }, include: ['tags'] })
  assert.deepEqual(customer.tags.map(({ name }) => name), [tag.name])
})

test('import: by the helper that splits it', async () => {
  const reference = unique('split')
  const jobs = imports.split({ resource_type: 'customers', inputs: customers(5, { reference }) }, { size: 2 })
  assert.equal(jobs.length, 3)
  for (const job of jobs) assert.equal((await finished('imports', job)).status, 'completed')
  assert.equal(await cl.customers.count({ reference_eq: reference }), 5)
})

test('export: as JSON', async () => {
  const reference = unique('export')
  for (let number = 0; number < 3; number++) await make.create('skus', { reference })
  const job = await finished('exports', { resource_type: 'skus', filters: { reference_eq: reference } })
  assert.equal(job.status, 'completed')
  assert.deepEqual([job.records_count, job.processed_count], [3, 3])
  const rows = JSON.parse(await attachment(job))
  assert.deepEqual(rows.map((row) => row.reference), [reference, reference, reference])
  assert.ok(rows.every((row) => row.id && row.code && row.shipping_category_id))
})

test('export: as CSV', async () => {
  const reference = unique('export')
  const sku = await make.create('skus', { reference, name: 'With, comma' })
  const job = await finished('exports', { resource_type: 'skus', format: 'csv', filters: { reference_eq: reference } })
  const [header, row] = (await attachment(job)).trim().split('\n')
  assert.ok(header.split(',').includes('code'))
  assert.ok(row.includes(sku.code) && row.includes('"With, comma"'))
})

test('export: with what belongs to it', async () => {
  const sku = await make.create('skus')
  await make.create('prices', { sku: link(sku), amount_cents: 777 })
  const job = await finished('exports', { resource_type: 'skus', includes: ['prices'], filters: { code_eq: sku.code } })
  const [row] = JSON.parse(await attachment(job))
  assert.equal(row.prices[0].amount_cents, 777)
})

test('export: of some fields', async () => {
  const { code } = await make.create('skus')
  const job = await finished('exports', { resource_type: 'skus', fields: ['code', 'name'], filters: { code_eq: code } })
  const [row] = JSON.parse(await attachment(job))
  assert.deepEqual(Object.keys(row).filter((name) => name !== 'id').sort(), ['code', 'name'])
})

test('export: dry data can be imported again', async () => {
  const { code } = await make.create('skus')
  const job = await finished('exports', { resource_type: 'skus', dry_data: true, filters: { code_eq: code } })
  const [row] = JSON.parse(await attachment(job))
  assert.ok(!('id' in row) && !('created_at' in row))
  assert.equal(row.code, code)
})

test('export: of nothing is refused', async () => {
  const { errors } = await refusal(422, cl.exports.create({ resource_type: 'skus', filters: { code_eq: 'NOTHING' } }))
  assert.equal(errors[0].meta.error, 'greater_than')
})

test('export: tells how far it is', async () => {
  await make.create('skus')
  const job = await finished('exports', { resource_type: 'skus' })
  assert.equal(job.progress, 100)
})

test('export: by the helper that splits it', async () => {
  const reference = unique('split')
  for (let number = 0; number < 5; number++) await make.create('customers', { reference })
  const request = { resource_type: 'customers', filters: { reference_eq: reference } }
  const jobs = await exportz.split(request, { size: 2, delay: 1 })
  assert.equal(jobs.length, 3)
  const emails = []
  for (const job of jobs) {
    const rows = JSON.parse(await attachment(await finished('exports', job)))
    emails.push(...rows.map((row) => row.email))
  }
  assert.equal(new Set(emails).size, 5)
})

test('cleanup: deletes what its filters find', async () => {
  const reference = unique('cleanup')
  for (let number = 0; number < 3; number++) await make.create('skus', { reference })
  const kept = await make.create('skus')
  const job = await finished('cleanups', { resource_type: 'skus', filters: { reference_eq: reference } })
  assert.deepEqual([job.status, job.records_count, job.processed_count], ['completed', 3, 3])
  assert.equal(await cl.skus.count({ reference_eq: reference }), 0)
  assert.equal((await cl.skus.retrieve(kept.id)).id, kept.id)
})

test('cleanup: takes along what belongs to it', async () => {
  const sku = await make.create('skus')
  const price = await make.create('prices', { sku: link(sku) })
  await finished('cleanups', { resource_type: 'skus', filters: { code_eq: sku.code } })
  await refusal(404, cl.prices.retrieve(price.id))
})

test('cleanup: of a type that cannot be cleaned is refused', async () => {
  await refusal(422, cl.cleanups.create({ resource_type: 'orders', filters: { reference_eq: 'x' } }))
})

test('cleanup: by the helper that splits it', async () => {
  const reference = unique('split')
  for (let number = 0; number < 5; number++) await make.create('skus', { reference })
  const request = { resource_type: 'skus', filters: { reference_eq: reference } }
  for (const job of await cleanups.split(request, { size: 2, delay: 1 })) await finished('cleanups', job)
  assert.equal(await cl.skus.count({ reference_eq: reference }), 0)
})

test('jobs: no more than ten at a time', onlyDirect, async () => {
  const started = []
  const statuses = []
  for (let number = 0; number < 11; number++) {
    await cl.imports.create({ resource_type: 'customers', inputs: customers(400) }).then(
      ({ id }) => started.push(id) && statuses.push(201),
      ({ status }) => statuses.push(status),
    )
  }
  for (const id of started) await cl.imports._interrupt(id).catch(() => undefined)
  assert.ok(statuses.slice(0, 10).every((status) => status === 201), statuses.join())
  assert.ok([422, 429].includes(statuses[10]), statuses.join())
})
