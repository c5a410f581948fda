/** Shipments, parcels, returns, stock transfers, reservations, subscriptions. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { client, link, refusal, unique } from '../kit.js'
import { Shop } from '../shop.js'

let cl, shop
before(async () => {
  cl = await client()
  shop = await new Shop(cl).open()
})

const only = async (order) => (await cl.orders.shipments(order.id)).first()

test('shipment: is upcoming once the order is paid', async () => {
  assert.equal((await only(await shop.paid())).status, 'upcoming')
})

test('shipment: its steps, each with its stamp', async () => {
  const { id } = await only(await shop.paid())
  for (const [step, status, stamp] of [
    ['_on_hold', 'on_hold', 'on_hold_at'],
    ['_picking', 'picking', 'picking_at'],
    ['_packing', 'packing', 'packing_at'],
    ['_ready_to_ship', 'ready_to_ship', 'ready_to_ship_at'],
    ['_ship', 'shipped', 'shipped_at'],
    ['_deliver', 'delivered', 'delivered_at'],
  ]) {
    const shipment = await cl.shipments[step](id)
    assert.equal(shipment.status, status)
    assert.ok(shipment[stamp], stamp)
  }
})

test('shipment: a step too far is refused', async () => {
  const { id } = await only(await shop.paid())
  await refusal(422, cl.shipments._deliver(id))
})

test('shipment: the last one shipped fulfils the order', async () => {
  const order = await shop.shipped()
  assert.equal(order.fulfillment_status, 'fulfilled')
  assert.ok(order.fulfillment_updated_at)
})

test('shipment: is cancelled while it is not shipped', async () => {
  const { id } = await only(await shop.paid())
  assert.equal((await cl.shipments._cancel(id)).status, 'cancelled')
  const other = await only(await shop.shipped())
  await refusal(422, cl.shipments._cancel(other.id))
})

test('shipment: holds what is to be sent', async () => {
  const sku = await shop.product()
  const { id } = await only(await shop.paid({ sku, quantity: 2 }))
  const [line, ...others] = (await cl.shipments.retrieve(id, { include: ['stock_line_items'] })).stock_line_items
  assert.equal(others.length, 0)
  assert.deepEqual([line.sku_code, line.quantity], [sku.code, 2])
})

test('parcel: carries a tracking number', async () => {
  const shipment = await only(await shop.paid())
  const parcel = await cl.parcels.create({
    shipment: link(shipment),
    package: shop.shared.package,
    weight: 900,
    unit_of_weight: 'gr',
    tracking_number: '1Z999',
  })
  assert.equal(parcel.tracking_number, '1Z999')
  const found = await cl.shipments.retrieve(shipment.id, { include: ['parcels.package'] })
  assert.deepEqual([found.parcels[0].id, found.parcels[0].package.id], [parcel.id, shop.shared.package.id])
  const updated = await cl.parcels.update({ id: parcel.id, tracking_status: 'in_transit' })
  assert.equal(updated.tracking_status, 'in_transit')
})

async function returned() {
  const order = await shop.shipped({ quantity: 2 })
  const item = (await cl.orders.line_items(order.id, { filters: { item_type_eq: 'skus' } })).first()
  const made = await cl.returns.create({ order: link(order) })
  await cl.return_line_items.create({ return: link(made), line_item: link(item), quantity: 1 })
  return { made, order, item }
}

test('return: from request to refund', async () => {
  const { made } = await returned()
  assert.equal(made.status, 'draft')
  for (const [step, status] of [
    ['_request', 'requested'],
    ['_approve', 'approved'],
    ['_ship', 'shipped'],
    ['_receive', 'received'],
  ]) {
    assert.equal((await cl.returns[step](made.id)).status, status)
  }
})

test('return: restocks what came back', async () => {
  const { made, item } = await returned()
  for (const step of ['_request', '_approve', '_ship', '_receive']) await cl.returns[step](made.id)
  const found = await cl.skus.list({ filters: { code_eq: item.sku_code }, include: ['stock_items'] })
  const [before] = found[0].stock_items
  await cl.returns._restock(made.id)
  assert.equal((await cl.stock_items.retrieve(before.id)).quantity, before.quantity + 1)
})

test('return: is rejected', async () => {
  const { made } = await returned()
  await cl.returns._request(made.id)
  assert.equal((await cl.returns._reject(made.id)).status, 'rejected')
  await refusal(422, cl.returns._receive(made.id))
})

test('return: more than was bought is refused', async () => {
  const { made, item } = await returned()
  await refusal(422, cl.return_line_items.create({ return: link(made), line_item: link(item), quantity: 99 }))
})

test('stock transfer: moves the stock', async () => {
  const sku = await shop.product({ quantity: 10 })
  const destination = await shop.a('stock_locations')
  const there = await shop.create('stock_items', { sku: link(sku), stock_location: destination, quantity: 1 })
  const { id } = await cl.stock_transfers.create({
    sku: link(sku),
    quantity: 4,
    origin_stock_location: shop.shared.stock_location,
    destination_stock_location: destination,
  })
  for (const [step, status] of [
    ['_upcoming', 'upcoming'],
    ['_picking', 'picking'],
    ['_in_transit', 'in_transit'],
    ['_complete', 'completed'],
  ]) {
    assert.equal((await cl.stock_transfers[step](id)).status, status)
  }
  assert.equal(await shop.stock(sku), 6)
  assert.equal((await cl.stock_items.retrieve(there.id)).quantity, 5)
})

test('stock transfer: what is completed is not cancelled', async () => {
  const { id } = await shop.create('stock_transfers', { sku: link(await shop.product()), origin_stock_location: shop.shared.stock_location })
  for (const step of ['_upcoming', '_picking', '_in_transit', '_complete']) await cl.stock_transfers[step](id)
  await refusal(422, cl.stock_transfers._cancel(id))
})

test('gift card: purchased, activated, deactivated', async () => {
  const { id, code } = await shop.create('gift_cards')
  assert.ok(code.length >= 8)
  await cl.gift_cards._purchase(id)
  assert.equal((await cl.gift_cards._activate(id)).status, 'active')
  assert.equal((await cl.gift_cards._deactivate(id)).status, 'inactive')
})

test('gift card: its balance changes by cents', async () => {
  const { id, balance_cents } = await shop.create('gift_cards')
  await cl.gift_cards._purchase(id)
  await cl.gift_cards._activate(id)
  const changed = await cl.gift_cards._balance_change_cents(id, -1_000)
  assert.equal(changed.balance_cents, balance_cents - 1_000)
  assert.equal(changed.initial_balance_cents, balance_cents)
})

test('order subscription: activated, deactivated, cancelled', async () => {
  const source_order = link(await shop.placed())
  const { id, status } = await cl.order_subscriptions.create({
    source_order,
    frequency: 'monthly',
    activate_by_source_order: false,
    starts_at: '2035-01-01T00:00:00Z',
  })
  assert.equal(status, 'draft')
  assert.equal((await cl.order_subscriptions._activate(id)).status, 'active')
  assert.equal((await cl.order_subscriptions._deactivate(id)).status, 'inactive')
  assert.equal((await cl.order_subscriptions._cancel(id)).status, 'cancelled')
})

test('in-stock subscription: deactivated and activated', async () => {
  const { id, status } = await shop.create('in_stock_subscriptions', { market: shop.shared.market })
  assert.equal(status, 'active')
  assert.equal((await cl.in_stock_subscriptions._deactivate(id)).status, 'inactive')
  assert.equal((await cl.in_stock_subscriptions._activate(id)).status, 'active')
})

test('price: tiers of a price', async () => {
  const sku = await shop.product({ cents: 1_000 })
  const [price] = await cl.skus.prices(sku.id)
  await shop.create('price_volume_tiers', { price: link(price), up_to: 5, price_amount_cents: 900 })
  const found = await cl.prices.retrieve(price.id, { include: ['price_volume_tiers'] })
  assert.deepEqual(found.price_volume_tiers.map((tier) => tier.price_amount_cents), [900])
})

test('promotion: is active between its dates', async () => {
  const now = await shop.create('percentage_discount_promotions')
  assert.equal(now.active, true)
  const later = await shop.create('percentage_discount_promotions', { starts_at: '2035-01-01T00:00:00Z' })
  assert.equal(later.active, false)
})

test('promotion: one that ends before it starts is refused', async () => {
  const call = shop.create('percentage_discount_promotions', { expires_at: '2020-01-01T00:00:00Z' })
  const { errors } = await refusal(422, call)
  assert.equal(errors[0].source.pointer, '/data/attributes/expires_at')
})

test('customer: anonymization is requested and cancelled', async () => {
  const { id } = await shop.create('customers', { email: `${unique('private')}@example.com` })
  assert.equal((await cl.customers._request_anonymization(id)).anonymization_status, 'requested')
  assert.notEqual((await cl.customers._cancel_anonymization(id)).anonymization_status, 'requested')
})
