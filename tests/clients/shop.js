/** A shop that can sell: one market with all that stands around it, and orders as far as a case needs. */

import { link, Maker, unique } from './kit.js'

export class Shop extends Maker {
  async open() {
    this.shared = {}
    const shop = this.shared
    shop.price_list = await this.a('price_lists', { currency_code: 'EUR', tax_included: true })
    shop.stock_location = await this.a('stock_locations')
    shop.inventory_model = await this.a('inventory_models')
    const { stock_location, inventory_model, price_list } = shop
    shop.inventory_stock_location = await this.a('inventory_stock_locations', { stock_location, inventory_model })
    await this.create('inventory_return_locations', { stock_location, inventory_model })
    shop.market = await this.a('markets', { price_list, inventory_model })
    shop.shipping_category = await this.a('shipping_categories')
    shop.shipping_zone = await this.a('shipping_zones')
    const { market, shipping_category, shipping_zone } = shop
    shop.shipping_method = await this.a('shipping_methods', {
      price_amount_cents: 700,
      currency_code: 'EUR',
      market,
      shipping_category,
      shipping_zone,
    })
    shop.payment_method = await this.a('payment_methods', { market })
    shop.package = await this.a('packages', { stock_location })
    return this
  }

  /** With a price and things in stock. */
  async product({ cents = 2_000, quantity = 10, ...attributes } = {}) {
    const { price_list, stock_location, shipping_category } = this.shared
    const sku = await this.create('skus', { shipping_category, ...attributes })
    await this.create('prices', { sku: link(sku), price_list, amount_cents: cents })
    sku.stock_item = await this.create('stock_items', { sku: link(sku), stock_location, quantity })
    return sku
  }

  async stock(sku) {
    return (await this.cl.stock_items.retrieve(sku.stock_item.id)).quantity
  }

  /** An order with items, customer, addresses, shipping and payment: ready to be placed. */
  async cart({ sku, quantity = 1, ...attributes } = {}) {
    const { cl } = this
    const { market, shipping_method, payment_method } = this.shared
    const product = sku ?? (await this.product())
    const order = await cl.orders.create({ market, customer_email: `${unique('buyer')}@example.com`, ...attributes })
    await cl.line_items.create({ order: link(order), sku_code: product.code, quantity })
    const address = await this.a('addresses')
    await cl.orders.update({ id: order.id, billing_address: address, shipping_address: address })
    const shipments = await cl.orders.shipments(order.id)
    for (const { id } of shipments) await cl.shipments.update({ id, shipping_method })
    await cl.orders.update({ id: order.id, payment_method })
    await cl.wire_transfers.create({ order: link(order) })
    return cl.orders.retrieve(order.id)
  }

  async placed(options) {
    const { id } = await this.cart(options)
    return this.cl.orders._place(id)
  }

  async approved(options) {
    const { id } = await this.placed(options)
    return this.cl.orders._approve(id)
  }

  async paid(options) {
    const { id } = await this.placed(options)
    return this.cl.orders._approve_and_capture(id)
  }

  /** Of a paid order, sent on its way. */
  async shipped(options) {
    const order = await this.paid(options)
    for (const { id } of await this.cl.orders.shipments(order.id)) {
      for (const step of ['_picking', '_packing', '_ready_to_ship', '_ship']) await this.cl.shipments[step](id)
    }
    return this.cl.orders.retrieve(order.id)
  }
}
