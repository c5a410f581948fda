/** What may be written, and how it is refused. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { bad, client, invalid, link, Maker, onlyDirect, raw, refusal, token, unique } from '../kit.js'

let cl, make
before(async () => {
  cl = await client()
  make = new Maker(cl)
})

test('error: an id that does not exist', async () => {
  const error = await refusal(404, cl.skus.retrieve('doesNotExi'))
  assert.deepEqual(error.errors, [
    {
      title: 'Record not found',
      detail: 'The requested resource was not found. Please double-check the resource id.',
      code: 'RECORD_NOT_FOUND',
      status: '404',
    },
  ])
})

test('error: an id of another type', async () => {
  const { id } = await make.create('customers')
  await refusal(404, cl.skus.retrieve(id))
})

test('error: update and delete of what is not there', async () => {
  await refusal(404, cl.skus.update({ id: 'doesNotExi', name: 'x' }))
  await refusal(404, cl.skus.delete('doesNotExi'))
})

test('error: required attributes are named, all at once', async () => {
  const error = await refusal(422, cl.skus.create({ shipping_category: await make.some('shipping_categories') }))
  const pointers = error.errors.map((each) => each.source.pointer)
  assert.ok(pointers.includes('/data/attributes/code') && pointers.includes('/data/attributes/name'))
})

test('error: the parts of a validation error', async () => {
  const document = await make.document('skus')
  delete document.name
  const found = await invalid('/data/attributes/name', 'blank', cl.skus.create(document))
  assert.equal(found.status, '422')
  assert.ok(found.title && found.detail)
})

test('error: a required relationship', async () => {
  await invalid('/data/relationships/shipping_category', 'blank', cl.skus.create({ code: unique('SKU'), name: 'x' }))
})

test('error: a related record that does not exist', async () => {
  const call = make.create('orders', { market: { type: 'markets', id: 'doesNotExi' } })
  const { errors } = await refusal(422, call)
  assert.equal(errors[0].source.pointer, '/data/relationships/market')
})

test('error: a required attribute cannot be taken away', async () => {
  const { id } = await make.create('skus')
  await invalid('/data/attributes/name', 'blank', cl.skus.update({ id, name: null }))
})

for (const [type, name] of [['skus', 'code'], ['customers', 'email'], ['bundles', 'code'], ['coupons', 'code'], ['tags', 'name']]) {
  test(`error: ${type} with the same ${name}`, async () => {
    const first = await make.create(type)
    const found = await invalid(`/data/attributes/${name}`, 'taken', make.create(type, { [name]: first[name] }))
    assert.equal(found.meta.value, first[name])
  })
}

test('error: a code that another one has, on update', async () => {
  const [one, two] = [await make.create('skus'), await make.create('skus')]
  await invalid('/data/attributes/code', 'taken', cl.skus.update({ id: two.id, code: one.code }))
})

test('a code may be written again where it stands', async () => {
  const { id, code } = await make.create('skus')
  assert.equal((await cl.skus.update({ id, code, name: 'Renamed' })).name, 'Renamed')
})

test('error: a second price of a SKU in a price list', async () => {
  const [sku, price_list] = [await make.a('skus'), await make.a('price_lists')]
  await make.create('prices', { sku, price_list })
  const { errors } = await refusal(422, make.create('prices', { sku, price_list }))
  assert.equal(errors[0].meta.error, 'taken')
})

test('error: a second stock item of a SKU in a location', async () => {
  const [sku, stock_location] = [await make.a('skus'), await make.a('stock_locations')]
  await make.create('stock_items', { sku, stock_location })
  const { errors } = await refusal(422, make.create('stock_items', { sku, stock_location }))
  assert.equal(errors[0].meta.error, 'taken')
})

test('error: a value outside its list', async () => {
  await invalid('/data/attributes/unit_of_weight', 'inclusion', make.create('skus', { unit_of_weight: 'stone' }))
})

test('error: text where a number belongs', async () => {
  await invalid('/data/attributes/quantity', 'not_a_number', make.create('stock_items', { quantity: 'many' }))
})

test('error: an attribute that does not exist', async () => {
  await bad('PARAM_NOT_ALLOWED', make.create('skus', { colour: 'red' }))
})

test('error: an attribute that only the API writes', async () => {
  await bad('PARAM_NOT_ALLOWED', make.create('orders', { status: 'placed' }))
  await bad('PARAM_NOT_ALLOWED', make.create('orders', { placed_at: '2026-01-01T00:00:00Z' }))
})

test('error: a SKU code that no SKU has', async () => {
  await invalid('/data/attributes/sku_code', 'blank', make.create('prices', { sku_code: unique('NONE') }))
})

test('error: nothing is written when something is refused', async () => {
  const { id } = await make.create('skus', { name: 'Before' })
  await refusal(422, cl.skus.update({ id, name: 'After', unit_of_weight: 'stone' }))
  assert.equal((await cl.skus.retrieve(id)).name, 'Before')
})

test('delete: a pending order', async () => {
  const order = await (await make.shop()).cart()
  assert.equal(order.status, 'pending')
  await cl.orders.delete(order.id)
  await refusal(404, cl.orders.retrieve(order.id))
})

test('error: a method that the resource does not have', onlyDirect, async () => {
  assert.equal((await raw('POST', 'events', { body: { data: { type: 'events', attributes: {} } } })).status, 405)
  assert.equal((await raw('DELETE', 'authorizations/abc')).status, 405)
})

test('error: a resource that does not exist', onlyDirect, async () => {
  assert.equal((await raw('GET', 'unicorns')).status, 404)
})

test('error: an id in the body that is not the one in the address', onlyDirect, async () => {
  const { id } = await make.create('skus')
  const answer = await raw('PATCH', `skus/${id}`, { body: { data: { type: 'skus', id: 'somebodyEl', attributes: {} } } })
  assert.equal(answer.status, 400)
  assert.equal(answer.body.errors[0].code, 'KEY_NOT_INCLUDED_IN_URL')
})

test('error: a type in the body that is not the one in the address', onlyDirect, async () => {
  const answer = await raw('POST', 'skus', { body: { data: { type: 'customers', attributes: {} } } })
  assert.equal(answer.status, 400)
})

test('error: media types', onlyDirect, async () => {
  assert.equal((await raw('GET', 'skus', { headers: { accept: 'text/html' } })).status, 406)
  assert.equal((await raw('POST', 'skus', { headers: { 'content-type': 'application/json' }, body: {} })).status, 415)
})

test('error: a body that is no JSON', onlyDirect, async () => {
  assert.equal((await raw('POST', 'skus', { body: '{"data":' })).status, 400)
})

test('error: no token, and a wrong one', onlyDirect, async () => {
  for (const authorization of ['', 'Bearer nonsense', `Basic ${await token()}`]) {
    const answer = await raw('GET', 'skus', { headers: { authorization } })
    assert.equal(answer.status, 401)
    assert.equal(answer.body.errors[0].code, 'INVALID_TOKEN')
    assert.equal(answer.body.errors[0].status, '401')
  }
})

test('metadata: what is sent replaces what was there', async () => {
  const { id } = await make.create('skus', { metadata: { a: 1, b: { c: [2] } } })
  const updated = await cl.skus.update({ id, metadata: { b: null } })
  assert.deepEqual(updated.metadata, { b: null })
})

test('metadata: of any depth, type and script', async () => {
  const metadata = { text: 'žluťoučký 日本 🎁', list: [1, 2.5, true, null, { deep: { deeper: [] } }], '': '' }
  const { id } = await make.create('skus', { metadata })
  assert.deepEqual((await cl.skus.retrieve(id)).metadata, metadata)
})

test('text is kept as it is', async () => {
  const name = ' "quoted" & <b>bold</b>\n\t\\ 100% ñ '
  const { id } = await make.create('sku_lists', { name })
  assert.equal((await cl.sku_lists.retrieve(id)).name, name)
})

test('times come back in UTC with milliseconds', async () => {
  const { starts_at } = await make.create('percentage_discount_promotions', { starts_at: '2026-06-01T02:00:00+02:00' })
  assert.equal(starts_at, '2026-06-01T00:00:00.000Z')
})

test('money comes in three forms', async () => {
  const price = await make.create('prices', { amount_cents: 123_450 })
  assert.equal(price.amount_float, 1234.5)
  assert.match(price.formatted_amount, /1.?234/)
  assert.equal(price.currency_code, 'EUR')
})

test('update changes what it names and nothing else', async () => {
  const before = await make.create('skus', { description: 'Kept', weight: 10, unit_of_weight: 'gr' })
  const after = await cl.skus.update({ id: before.id, name: 'Changed' })
  const { name, updated_at, ...rest } = before
  assert.deepEqual({ ...after, name, updated_at }, before)
  assert.equal(after.name, 'Changed')
})

test('delete: what hangs on a SKU list goes with it', async () => {
  const list = await make.create('sku_lists')
  const entry = await make.create('sku_list_items', { sku_list: link(list) })
  await cl.sku_lists.delete(list.id)
  await refusal(404, cl.sku_list_items.retrieve(entry.id))
})

test('tags: added and removed by name', async () => {
  const [one, two] = [await make.create('tags'), await make.create('tags')]
  const { id } = await make.create('customers')
  const names = async () => Array.from(await cl.customers.tags(id), ({ name }) => name).sort()
  await cl.customers._add_tags(id, `${one.name},${two.name}`)
  assert.deepEqual(await names(), [one.name, two.name].sort())
  await cl.customers._remove_tags(id, one.name)
  assert.deepEqual(await names(), [two.name])
})

test('tags: unknown names and those already there are dropped', async () => {
  const tag = await make.create('tags')
  const { id } = await make.create('skus', { tags: [link(tag)] })
  await cl.skus._add_tags(id, `${tag.name},nobody-made-this`)
  assert.equal((await cl.skus.tags(id)).length, 1)
})

test('tags: the records of a tag', async () => {
  const tag = await make.create('tags')
  const order = await make.create('orders', { tags: [link(tag)] })
  const found = await cl.orders.list({ filters: { tags_name_in: [tag.name] } })
  assert.deepEqual(Array.from(found, ({ id }) => id), [order.id])
})

test('disable and enable', async () => {
  const { id } = await make.create('markets')
  const disabled = await cl.markets._disable(id)
  assert.ok(disabled.disabled_at)
  assert.equal((await cl.markets._enable(id)).disabled_at, null)
})

test('error: a negative quantity', async () => {
  const { errors } = await refusal(422, make.create('stock_items', { quantity: -1 }))
  assert.equal(errors[0].source.pointer, '/data/attributes/quantity')
})

test('delete: what others need is locked', async () => {
  const shipping_category = await make.a('shipping_categories')
  await make.create('skus', { shipping_category })
  const error = await refusal(423, cl.shipping_categories.delete(shipping_category.id))
  assert.equal(error.first().code, 'LOCKED')
  await cl.shipping_categories.retrieve(shipping_category.id)
})

test('tags: a name with a blank is refused', async () => {
  const { errors } = await refusal(422, cl.tags.create({ name: 'two words' }))
  assert.equal(errors[0].source.pointer, '/data/attributes/name')
})

test('tags: no more than ten on one record', async () => {
  const tags = []
  for (let number = 0; number < 11; number++) tags.push(await make.a('tags'))
  await refusal(422, make.create('customers', { tags }))
})
