/** The life of an order: from an empty draft to approval, payment, cancellation and refund. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { client, link, refusal } from '../kit.js'
import { Shop } from '../shop.js'

let cl, shop
before(async () => {
  cl = await client()
  shop = await new Shop(cl).open()
})

const statuses = ({ status, payment_status, fulfillment_status }) => [status, payment_status, fulfillment_status]

test('order: an empty one is a draft', async () => {
  const order = await cl.orders.create({ market: shop.shared.market })
  assert.deepEqual(statuses(order), ['draft', 'unpaid', 'unfulfilled'])
  assert.equal(order.currency_code, 'EUR')
  assert.equal(order.total_amount_cents, 0)
  assert.match(String(order.number), /^\d+$/)
})

test('order: customer and item make it pending', async () => {
  const order = await cl.orders.create({ market: shop.shared.market, customer_email: 'pending@example.com' })
  const { code } = await shop.product()
  await cl.line_items.create({ order: link(order), sku_code: code, quantity: 1 })
  assert.deepEqual(statuses(await cl.orders.retrieve(order.id)), ['pending', 'unpaid', 'unfulfilled'])
})

test('order: numbers differ', async () => {
  const [one, two] = [await shop.cart(), await shop.cart()]
  assert.notEqual(one.number, two.number)
})

test('line item: takes name and price of its SKU', async () => {
  const order = await cl.orders.create({ market: shop.shared.market })
  const sku = await shop.product({ cents: 1_990, name: 'Navy Cap' })
  const item = await cl.line_items.create({ order: link(order), sku_code: sku.code, quantity: 3 })
  assert.equal(item.name, 'Navy Cap')
  assert.equal(item.item_type, 'skus')
  assert.deepEqual([item.unit_amount_cents, item.total_amount_cents], [1_990, 5_970])
  assert.equal(item.unit_amount_float, 19.9)
  assert.equal(item.currency_code, 'EUR')
})

test('line item: a SKU without a price in the market is refused', async () => {
  const order = await cl.orders.create({ market: shop.shared.market })
  const sku = await shop.create('skus')
  await refusal(422, cl.line_items.create({ order: link(order), sku_code: sku.code, quantity: 1 }))
})

test('place: more than there is in stock is refused', async () => {
  const sku = await shop.product({ quantity: 2 })
  await refusal(422, shop.placed({ sku, quantity: 3 }))
  assert.equal(await shop.stock(sku), 2)
})

test('line item: of something that is no SKU, with a price of its own', async () => {
  const order = await cl.orders.create({ market: shop.shared.market })
  const item = await cl.line_items.create({ order: link(order), name: 'Wrapping', unit_amount_cents: 300, quantity: 2 })
  assert.equal(item.total_amount_cents, 600)
  assert.equal((await cl.orders.retrieve(order.id)).total_amount_cents, 600)
})

test('totals: items, shipping and all', async () => {
  const sku = await shop.product({ cents: 2_500 })
  const order = await shop.cart({ sku, quantity: 2 })
  assert.equal(order.subtotal_amount_cents, 5_000)
  assert.equal(order.shipping_amount_cents, 700)
  assert.equal(order.total_amount_cents, 5_700)
  assert.equal(order.total_amount_with_taxes_cents, 5_700)
  assert.equal(order.total_amount_float, 57)
  assert.match(order.formatted_total_amount_with_taxes, /57/)
  assert.equal(order.skus_count, 2)
})

test('totals: follow the quantity', async () => {
  const sku = await shop.product({ cents: 1_000 })
  const order = await shop.cart({ sku, quantity: 1 })
  const item = (await cl.orders.line_items(order.id, { filters: { item_type_eq: 'skus' } })).first()
  await cl.line_items.update({ id: item.id, quantity: 4 })
  assert.equal((await cl.orders.retrieve(order.id)).subtotal_amount_cents, 4_000)
})

test('totals: follow a deleted item', async () => {
  const order = await shop.cart()
  const { code } = await shop.product({ cents: 5_000 })
  const item = await cl.line_items.create({ order: link(order), sku_code: code, quantity: 1 })
  assert.equal((await cl.orders.retrieve(order.id)).subtotal_amount_cents, order.subtotal_amount_cents + 5_000)
  await cl.line_items.delete(item.id)
  assert.equal((await cl.orders.retrieve(order.id)).subtotal_amount_cents, order.subtotal_amount_cents)
})

test('totals: an option of an item adds to its price', async () => {
  const order = await shop.cart()
  const item = (await cl.orders.line_items(order.id, { filters: { item_type_eq: 'skus' } })).first()
  const sku_option = await shop.a('sku_options', { market: shop.shared.market, price_amount_cents: 500 })
  await cl.line_item_options.create({ line_item: link(item), sku_option, quantity: 1, options: { text: 'Ada' } })
  assert.equal((await cl.orders.retrieve(order.id)).subtotal_amount_cents, order.subtotal_amount_cents + 500)
})

test('place: authorizes the payment', async () => {
  const { id, total_amount_with_taxes_cents } = await shop.cart()
  const order = await cl.orders._place(id)
  assert.deepEqual(statuses(order), ['placed', 'authorized', 'unfulfilled'])
  assert.ok(order.placed_at && order.payment_updated_at)
  const [authorization, ...others] = await cl.orders.authorizations(id)
  assert.equal(others.length, 0)
  assert.equal(authorization.amount_cents, total_amount_with_taxes_cents)
  assert.equal(authorization.succeeded, true)
  assert.equal(authorization.currency_code, 'EUR')
})

test('place: twice is once', async () => {
  const first = await shop.placed()
  const second = await cl.orders._place(first.id)
  assert.equal(second.placed_at, first.placed_at)
  assert.equal((await cl.orders.authorizations(first.id)).length, 1)
})

test('place: an empty draft is refused', async () => {
  const { id } = await cl.orders.create({ market: shop.shared.market })
  const error = await refusal(422, cl.orders._place(id))
  assert.equal(error.first().code, 'VALIDATION_ERROR')
  assert.equal((await cl.orders.retrieve(id)).status, 'draft')
})

test('place: takes from the stock, cancel gives it back', async () => {
  const sku = await shop.product({ quantity: 10 })
  const { id } = await shop.placed({ sku, quantity: 3 })
  assert.equal(await shop.stock(sku), 7)
  await cl.orders._cancel(id)
  assert.equal(await shop.stock(sku), 10)
})

test('place: twice takes from the stock once', async () => {
  const sku = await shop.product({ quantity: 10 })
  const { id } = await shop.placed({ sku, quantity: 2 })
  await cl.orders._place(id)
  assert.equal(await shop.stock(sku), 8)
})

test('place: an order of nothing to pay is free', async () => {
  const sku = await shop.product({ cents: 0, do_not_ship: true })
  const order = await cl.orders.create({ market: shop.shared.market, customer_email: 'free@example.com' })
  await cl.line_items.create({ order: link(order), sku_code: sku.code, quantity: 1 })
  const address = await shop.a('addresses')
  await cl.orders.update({ id: order.id, billing_address: address, shipping_address: address })
  const placed = await cl.orders._place(order.id)
  assert.equal(placed.payment_status, 'free')
})

test('approve', async () => {
  const order = await shop.approved()
  assert.deepEqual(statuses(order), ['approved', 'authorized', 'unfulfilled'])
  assert.ok(order.approved_at)
})

test('approve: a pending order is refused', async () => {
  const { id } = await shop.cart()
  await refusal(422, cl.orders._approve(id))
})

test('capture: pays the order and starts its fulfilment', async () => {
  const { id, total_amount_with_taxes_cents } = await shop.approved()
  const order = await cl.orders._capture(id)
  assert.deepEqual(statuses(order), ['approved', 'paid', 'in_progress'])
  const [capture, ...others] = await cl.orders.captures(id)
  assert.equal(others.length, 0)
  assert.equal(capture.amount_cents, total_amount_with_taxes_cents)
})

test('capture: twice is once', async () => {
  const { id } = await shop.paid()
  await cl.orders._capture(id)
  assert.equal((await cl.orders.captures(id)).length, 1)
})

test('capture: what was not approved is refused', async () => {
  const { id } = await shop.cart()
  await refusal(422, cl.orders._capture(id))
})

test('approve and capture in one', async () => {
  assert.deepEqual(statuses(await shop.paid()), ['approved', 'paid', 'in_progress'])
})

test('approve by an update, as clients do that have no method for a trigger', async () => {
  const { id } = await shop.placed()
  const order = await cl.orders.update({ id, _approve: true, reference: 'with the trigger' })
  assert.deepEqual([order.status, order.reference], ['approved', 'with the trigger'])
  assert.ok(!('_approve' in order))
})

test('capture: in part, by the authorization', async () => {
  const { id } = await shop.approved()
  const [authorization] = await cl.orders.authorizations(id)
  await cl.authorizations.update({ id: authorization.id, _capture: true, _capture_amount_cents: 500 })
  const order = await cl.orders.retrieve(id)
  assert.equal(order.payment_status, 'partially_paid')
  assert.deepEqual(Array.from(await cl.orders.captures(id), (each) => each.amount_cents), [500])
})

test('cancel: voids the authorization', async () => {
  const { id } = await shop.placed()
  const order = await cl.orders._cancel(id)
  assert.deepEqual(statuses(order), ['cancelled', 'voided', 'unfulfilled'])
  assert.ok(order.cancelled_at)
  assert.equal((await cl.orders.voids(id)).length, 1)
})

test('cancel: twice is once', async () => {
  const { id } = await shop.placed()
  const first = await cl.orders._cancel(id)
  const second = await cl.orders._cancel(id)
  assert.equal(second.cancelled_at, first.cancelled_at)
  assert.equal((await cl.orders.voids(id)).length, 1)
})

test('cancel: is the end', async () => {
  const { id } = await shop.placed()
  await cl.orders._cancel(id)
  await refusal(422, cl.orders._place(id))
  await refusal(422, cl.orders._approve(id))
})

test('refund: of everything cancels the order', async () => {
  const { id } = await shop.paid()
  const order = await cl.orders._refund(id)
  assert.deepEqual(statuses(order), ['cancelled', 'refunded', 'unfulfilled'])
  const [refund] = await cl.orders.refunds(id)
  assert.equal(refund.amount_cents, order.total_amount_with_taxes_cents)
})

test('refund: in part, by the capture', async () => {
  const { id } = await shop.paid()
  const [capture] = await cl.orders.captures(id)
  await cl.captures.update({ id: capture.id, _refund: true, _refund_amount_cents: 300 })
  const order = await cl.orders.retrieve(id)
  assert.deepEqual(statuses(order), ['approved', 'partially_refunded', 'in_progress'])
  assert.deepEqual(Array.from(await cl.orders.refunds(id), (each) => each.amount_cents), [300])
})

test('refund: more than was captured is refused', async () => {
  const { id, total_amount_with_taxes_cents } = await shop.paid()
  const [capture] = await cl.orders.captures(id)
  const call = { id: capture.id, _refund: true, _refund_amount_cents: total_amount_with_taxes_cents + 1 }
  await refusal(422, cl.captures.update(call))
})

test('transactions: of any kind, through the order and through their base type', async () => {
  const { id } = await shop.paid()
  const order = await cl.orders.retrieve(id, { include: ['transactions'] })
  assert.deepEqual(order.transactions.map(({ type }) => type).sort(), ['authorizations', 'captures'])
  const capture = order.transactions.find(({ type }) => type === 'captures')
  assert.equal((await cl.transactions.retrieve(capture.id)).type, 'captures')
})

test('delete: an order that was placed is kept', async () => {
  const { id } = await shop.placed()
  await assert.rejects(cl.orders.delete(id), ({ status }) => [422, 423].includes(status))
  assert.equal((await cl.orders.retrieve(id)).status, 'placed')
})

test('archive and back', async () => {
  const { id } = await shop.placed()
  assert.ok((await cl.orders._archive(id)).archived_at)
  assert.equal(await cl.orders.count({ id_eq: id, archived_at_null: true }), 0)
  assert.equal((await cl.orders._unarchive(id)).archived_at, null)
})

test('editing: only a placed order, and back', async () => {
  const { id } = await shop.placed()
  assert.equal((await cl.orders._start_editing(id)).status, 'editing')
  assert.equal((await cl.orders._stop_editing(id)).status, 'placed')
  const pending = await shop.cart()
  await refusal(422, cl.orders._start_editing(pending.id))
})

test('addresses: one for both', async () => {
  const order = await cl.orders.create({ market: shop.shared.market, shipping_address: await shop.a('addresses') })
  await cl.orders._billing_address_same_as_shipping(order.id)
  const found = await cl.orders.retrieve(order.id, { include: ['billing_address', 'shipping_address'] })
  assert.equal(found.billing_address.line_1, found.shipping_address.line_1)
})

test('addresses: a clone is a record of its own', async () => {
  const address = await shop.create('addresses', { city: 'Torino' })
  const order = await cl.orders.create({ market: shop.shared.market })
  await cl.orders._shipping_address_clone_id(order.id, address.id)
  const found = await cl.orders.retrieve(order.id, { include: ['shipping_address'] })
  assert.equal(found.shipping_address.city, 'Torino')
  assert.notEqual(found.shipping_address.id, address.id)
})

test('refresh: leaves its stamp', async () => {
  const { id } = await shop.cart()
  assert.ok((await cl.orders._refresh(id)).refreshed_at)
})

test('shipments: are generated with the order', async () => {
  const { id } = await shop.cart()
  const [shipment, ...others] = await cl.orders.shipments(id, { include: ['shipping_method', 'stock_location'] })
  assert.equal(others.length, 0)
  assert.equal(shipment.shipping_method.id, shop.shared.shipping_method.id)
  assert.equal(shipment.stock_location.id, shop.shared.stock_location.id)
  assert.match(shipment.number, /^#?\d+\/S\//)
})

test('customer: is acquired by an order, then repeats', async () => {
  const customer_email = `loyal${Date.now()}@example.com`
  const status = async () => (await cl.customers.list({ filters: { email_eq: customer_email } })).first().status
  await shop.cart({ customer_email })
  assert.equal(await status(), 'prospect')
  await shop.placed({ customer_email })
  assert.equal(await status(), 'acquired')
  await shop.placed({ customer_email })
  assert.equal(await status(), 'repeat')
})

test('gift card: pays for an order', async () => {
  const card = await shop.create('gift_cards', { balance_cents: 1_000, market: shop.shared.market })
  await cl.gift_cards._purchase(card.id)
  const active = await cl.gift_cards._activate(card.id)
  assert.equal(active.status, 'active')
  const order = await shop.cart({ gift_card_code: active.code })
  assert.equal(order.gift_card_amount_cents, -1_000)
  assert.equal(order.total_amount_with_taxes_cents, 1_700)
})

test('coupon: takes off its discount', async () => {
  const promotion = await shop.a('percentage_discount_promotions', { percentage: 50, market: shop.shared.market })
  const rule = await shop.a('coupon_codes_promotion_rules', { promotion })
  const coupon = await shop.create('coupons', { promotion_rule: rule })
  const order = await shop.cart({ coupon_code: coupon.code })
  assert.equal(order.subtotal_amount_cents, 2_000)
  assert.equal(order.discount_amount_cents, -1_000)
  assert.equal(order.total_amount_with_taxes_cents, 1_700)
})

test('coupon: a code that does not exist is refused', async () => {
  await refusal(422, cl.orders.create({ market: shop.shared.market, coupon_code: 'NOSUCHCODE' }))
})
