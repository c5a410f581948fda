/** Webhooks: made, delivered, signed, repeated, broken and mended. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { webhooks as tools } from '@commercelayer/sdk-utils'
import { client, control, invalid, link, refusal, until, unique } from '../kit.js'
import { Receiver } from '../receiver.js'
import { Shop } from '../shop.js'

let cl, shop, receiver
before(async () => {
  cl = await client()
  await control('PATCH', 'settings', { webhook_retry_pause: 0.02 })
  shop = await new Shop(cl).open()
  receiver = await new Receiver().open()
})
after(() => receiver.close())

async function hook(topic, attributes = {}) {
  const path = `/${unique('hook')}`
  const webhook = await cl.webhooks.create({ topic, callback_url: receiver.url + path, ...attributes })
  return { ...webhook, path }
}

test('webhook: has a secret and a closed circuit', async () => {
  const webhook = await cl.webhooks.create({ topic: 'orders.place', callback_url: 'https://example.com/hook' })
  assert.match(webhook.shared_secret, /^[0-9a-f]{32}$/)
  assert.equal(webhook.circuit_state, 'closed')
  assert.equal(webhook.circuit_failure_count, 0)
  assert.equal((await cl.webhooks.retrieve(webhook.id)).shared_secret, webhook.shared_secret)
  await cl.webhooks.delete(webhook.id)
})

test('webhook: a topic that does not exist is refused', async () => {
  const call = cl.webhooks.create({ topic: 'skus.update', callback_url: 'https://example.com/hook' })
  await invalid('/data/attributes/topic', 'inclusion', call)
})

test('webhook: needs an address', async () => {
  await refusal(422, cl.webhooks.create({ topic: 'orders.place' }))
})

test('delivery: signed, with its topic', async () => {
  const webhook = await hook('customers.create')
  const customer = await shop.create('customers')
  const [{ headers, body }] = await receiver.at(webhook.path)
  assert.equal(headers['x-commercelayer-topic'], 'customers.create')
  const signature = headers['x-commercelayer-signature']
  assert.equal(tools.checkSignature(body, signature, webhook.shared_secret).ok, true)
  assert.equal(tools.checkSignature(`${body} `, signature, webhook.shared_secret).ok, false)
  assert.equal(tools.checkSignature(body, signature, '0'.repeat(32)).ok, false)
  assert.equal(tools.parse.customers(body).email, customer.email)
  await cl.webhooks.delete(webhook.id)
})

test('delivery: of the record as a retrieve shows it, links relative', async () => {
  const webhook = await hook('orders.place', { include_resources: ['customer', 'line_items'] })
  const order = await shop.placed()
  const [{ body }] = await receiver.at(webhook.path)
  const document = JSON.parse(body)
  assert.equal(document.data.id, order.id)
  assert.equal(document.data.attributes.status, 'placed')
  assert.equal(document.data.links.self, `/api/orders/${order.id}`)
  assert.ok(document.included.some(({ type }) => type === 'customers'))
  const parsed = tools.parse.orders(body)
  assert.equal(parsed.customer.email, order.customer_email)
  assert.ok(parsed.line_items.length >= 1)
  await cl.webhooks.delete(webhook.id)
})

test('delivery: one for each status of an order', async () => {
  const topics = ['pending', 'place', 'authorize', 'approve', 'pay', 'start_fulfilling', 'refund']
  const hooks = []
  for (const topic of topics) hooks.push(await hook(`orders.${topic}`))
  const { id } = await shop.placed()
  await cl.orders._approve(id)
  await cl.orders._capture(id)
  await cl.orders._refund(id)
  for (const { path, topic } of hooks) {
    const [{ headers }] = await receiver.at(path)
    assert.equal(headers['x-commercelayer-topic'], topic)
  }
  for (const { id } of hooks) await cl.webhooks.delete(id)
})

test('delivery: a status that does not change sends nothing', async () => {
  const webhook = await hook('orders.place')
  const { id } = await shop.placed()
  await cl.orders._place(id)
  await cl.orders._cancel(id)
  const other = await shop.placed()
  await receiver.at(webhook.path, 2)
  const sent = receiver.received.filter(({ path }) => path === webhook.path)
  assert.deepEqual(sent.map(({ body }) => JSON.parse(body).data.id).sort(), [id, other.id].sort())
  await cl.webhooks.delete(webhook.id)
})

test('delivery: a deleted record is its id alone', async () => {
  const webhook = await hook('customers.destroy')
  const { id } = await shop.create('customers')
  await cl.customers.delete(id)
  const [{ body }] = await receiver.at(webhook.path)
  const { data } = JSON.parse(body)
  assert.deepEqual([data.id, data.type], [id, 'customers'])
  assert.ok(!data.attributes?.email)
  await cl.webhooks.delete(webhook.id)
})

test('delivery: a tagged record holds its tags', async () => {
  const webhook = await hook('customers.tagged')
  const tag = await shop.create('tags')
  const { id } = await shop.create('customers')
  await cl.customers._add_tags(id, tag.name)
  const [{ body }] = await receiver.at(webhook.path)
  assert.deepEqual(tools.parse.customers(body).tags.map(({ name }) => name), [tag.name])
  await cl.webhooks.delete(webhook.id)
})

test('delivery: not to a disabled webhook, and again when it is enabled', async () => {
  const webhook = await hook('customers.create')
  assert.ok((await cl.webhooks._disable(webhook.id)).disabled_at)
  await shop.create('customers')
  assert.equal((await cl.webhooks._enable(webhook.id)).disabled_at, null)
  const { id } = await shop.create('customers')
  const [{ body }] = await receiver.at(webhook.path)
  assert.equal(JSON.parse(body).data.id, id)
  await cl.webhooks.delete(webhook.id)
})

test('callbacks: each attempt is told of', async () => {
  const webhook = await hook('customers.create')
  const { id } = await shop.create('customers')
  await receiver.at(webhook.path)
  const found = await until(
    () => cl.event_callbacks.list({ filters: { webhook_id_eq: webhook.id }, sort: ['-created_at'] }),
    (list) => list.length,
    'the callback',
  )
  assert.equal(found[0].response_code, '200')
  assert.equal(found[0].callback_url, webhook.callback_url)
  assert.equal(found[0].payload.data.id, id)
  const shown = await cl.webhooks.retrieve(webhook.id, { include: ['last_event_callbacks'] })
  assert.deepEqual(shown.last_event_callbacks.map(({ id }) => id), [found[0].id])
  await cl.webhooks.delete(webhook.id)
})

test('retry: what fails is sent again, and a success forgets the failures', async () => {
  const webhook = await hook('customers.create')
  receiver.status = 500
  await shop.create('customers')
  await receiver.at(webhook.path, 3)
  const failing = await cl.webhooks.retrieve(webhook.id)
  assert.ok(failing.circuit_failure_count >= 2)
  receiver.status = 200
  await until(() => cl.webhooks.retrieve(webhook.id), (found) => found.circuit_failure_count === 0, 'a success')
  const sent = receiver.received.filter(({ path }) => path === webhook.path)
  assert.equal(new Set(sent.map(({ body }) => JSON.parse(body).data.id)).size, 1)
  await cl.webhooks.delete(webhook.id)
})

test('circuit: opens after thirty failures, sends nothing, and is reset', async () => {
  await control('PATCH', 'settings', { webhook_retry_pause: 0 })
  const webhook = await hook('customers.create')
  receiver.status = 500
  for (let number = 0; number < 4; number++) await shop.create('customers')
  const open = await until(() => cl.webhooks.retrieve(webhook.id), (found) => found.circuit_state === 'open', 'an open circuit')
  assert.ok(open.circuit_failure_count >= 30)
  assert.equal(await cl.webhooks.count({ circuit_state_eq: 'open', id_eq: webhook.id }), 1)
  receiver.status = 200
  const lost = await shop.create('customers')
  const reset = await cl.webhooks._reset_circuit(webhook.id)
  assert.deepEqual([reset.circuit_state, reset.circuit_failure_count], ['closed', 0])
  const seen = await shop.create('customers')
  const ids = () => receiver.received.filter(({ path }) => path === webhook.path).map(({ body }) => JSON.parse(body).data.id)
  await until(ids, (found) => found.includes(seen.id), 'a delivery after the reset')
  assert.ok(!ids().includes(lost.id))
  await cl.webhooks.delete(webhook.id)
})

test('event: is triggered again', async () => {
  const webhook = await hook('orders.place')
  const { id } = await shop.placed()
  await receiver.at(webhook.path)
  const order = await cl.orders.retrieve(id, { include: ['events'] })
  const event = order.events.find(({ name }) => name === 'orders.place')
  await cl.events._trigger(event.id)
  const [one, two] = await receiver.at(webhook.path, 2)
  assert.equal(JSON.parse(one.body).data.id, JSON.parse(two.body).data.id)
  await cl.webhooks.delete(webhook.id)
})
