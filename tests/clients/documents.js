/**
 * A minimal valid document of every type that can be created: type -> attributes and relationships.
 * `make` makes what it refers to; `some` gives one that other documents may share.
 */

import { link, unique } from './kit.js'

const STARTS = '2026-01-01T00:00:00.000Z'
const ENDS = '2036-01-01T00:00:00.000Z'

const named = (attributes = {}) => () => ({ name: unique('Name'), ...attributes })

const order = (attributes = {}) => async (make) => ({ order: await make.a('orders'), ...attributes })

const promotion = (attributes = {}, relationships = async () => ({})) => async (make) => ({
  name: unique('Promotion'),
  starts_at: STARTS,
  expires_at: ENDS,
  // Without a market it would apply to everybody's orders.
  market: await make.some('markets'),
  ...attributes,
  ...(await relationships(make)),
})

const listed = async (make) => ({ sku_list: await make.some('sku_lists') })

// A promotion without a rule applies to every order: none is made where one is given.
const promoted = (attributes = {}) => async (make, given) => ({
  promotion: given.promotion ?? (await make.a('percentage_discount_promotions')),
  ...attributes,
})

const location = async (make) => ({
  stock_location: await make.a('stock_locations'),
  inventory_model: await make.some('inventory_models'),
})

export const documents = {
  addresses: () => ({
    first_name: 'Ada',
    last_name: 'Rossi',
    line_1: 'Via Roma 1',
    city: 'Milano',
    zip_code: '20121',
    state_code: 'MI',
    country_code: 'IT',
    phone: '+39 02 0000000',
  }),
  adjustments: named({ currency_code: 'EUR', amount_cents: 250 }),
  adyen_gateways: named({ merchant_account: 'm', api_key: 'k', live_url_prefix: 'l' }),
  adyen_payments: order(),
  attachments: async (make) => ({ name: unique('Attachment'), attachable: await make.some('skus') }),
  avalara_accounts: named({ username: 'u', password: 'p', company_code: 'c' }),
  axerve_gateways: named({ login: 'l', api_key: 'k' }),
  axerve_payments: order({ return_url: 'https://example.com/back' }),
  bing_geocoders: named({ key: 'k' }),
  braintree_gateways: named({
    merchant_account_id: 'a',
    merchant_id: 'm',
    public_key: 'pub',
    private_key: 'priv',
  }),
  braintree_payments: order(),
  bundles: async (make) => ({
    code: unique('BUNDLE'),
    name: 'A bundle',
    currency_code: 'EUR',
    price_amount_cents: 9_000,
    compare_at_amount_cents: 10_000,
    sku_list: await make.a('sku_lists'),
  }),
  buy_x_pay_y_promotions: promotion({ x: 3, y: 2 }, listed),
  carrier_accounts: named({ easypost_type: 'DhlExpressAccount', credentials: { account: '1' } }),
  checkout_com_gateways: named({ secret_key: 's', public_key: 'p' }),
  checkout_com_payments: order({
    token: 't',
    success_url: 'https://example.com/yes',
    failure_url: 'https://example.com/no',
  }),
  coupon_codes_promotion_rules: promoted(),
  coupon_recipients: () => ({ email: `${unique('coupon')}@example.com` }),
  coupons: async (make) => ({
    code: unique('COUPON').slice(-20),
    usage_limit: 10,
    promotion_rule: await make.some('coupon_codes_promotion_rules'),
  }),
  custom_promotion_rules: promoted({ filters: { status_eq: 'pending' } }),
  customer_addresses: async (make) => {
    const customer = await make.create('customers')
    return { customer_email: customer.email, customer: { type: 'customers', id: customer.id }, address: await make.a('addresses') }
  },
  customer_groups: named(),
  customer_password_resets: async (make) => ({ customer_email: (await make.create('customers')).email }),
  customer_payment_sources: async (make) => ({
    customer: await make.a('customers'),
    customer_token: 'token',
    payment_source_token: 'source',
  }),
  customer_subscriptions: async (make) => ({
    customer_email: (await make.create('customers')).email,
    reference: unique('newsletter'),
  }),
  customers: () => ({ email: `${unique('customer')}@example.com` }),
  delivery_lead_times: async (make) => ({
    min_hours: 24,
    max_hours: 72,
    stock_location: await make.some('stock_locations'),
    shipping_method: await make.some('shipping_methods'),
  }),
  easypost_pickups: async (make) => ({
    min_datetime: STARTS,
    max_datetime: ENDS,
    shipment: await make.a('shipments'),
  }),
  external_gateways: named(),
  external_payments: order({ payment_source_token: 'token' }),
  external_promotions: promotion({ promotion_url: 'https://example.com/promotion' }),
  external_tax_calculators: named({ tax_calculator_url: 'https://example.com/tax' }),
  fixed_amount_promotions: promotion({ currency_code: 'EUR', fixed_amount_cents: 500 }),
  fixed_price_promotions: promotion({ currency_code: 'EUR', fixed_amount_cents: 500 }, listed),
  flex_promotions: () => ({ name: unique('Promotion'), starts_at: STARTS, expires_at: ENDS, rules: { rules: [] } }),
  free_gift_promotions: promotion({ max_quantity: 1 }, listed),
  free_shipping_promotions: promotion(),
  gift_card_recipients: () => ({ email: `${unique('gift')}@example.com` }),
  gift_cards: () => ({ currency_code: 'EUR', balance_cents: 5_000 }),
  google_geocoders: named({ api_key: 'k' }),
  in_stock_subscriptions: async (make) => ({
    market: await make.some('markets'),
    customer: await make.a('customers'),
    sku: await make.a('skus'),
  }),
  inventory_models: named({ strategy: 'no_split' }),
  inventory_return_locations: async (make) => ({ priority: 1, ...(await location(make)) }),
  inventory_stock_locations: async (make) => ({ priority: 1, ...(await location(make)) }),
  klarna_gateways: named({ country_code: 'EU', api_key: 'k', api_secret: 's' }),
  klarna_payments: order(),
  line_item_options: async (make) => ({
    name: 'Engraving',
    quantity: 1,
    options: { text: 'Ada' },
    line_item: await make.a('line_items'),
    sku_option: await make.some('sku_options'),
  }),
  // Something that is no SKU, with a price of its own.
  line_items: async (make, given) => ({
    quantity: 1,
    order: given.order ?? (await make.a('orders')),
    ...(given.sku_code || given.item ? {} : { name: 'Gift wrapping', unit_amount_cents: 300, item: await make.a('adjustments') }),
  }),
  links: async (make) => ({
    name: unique('Link'),
    client_id: 'demo-sales',
    scope: 'market:code:europe',
    item: await make.some('skus'),
  }),
  manual_gateways: named(),
  manual_tax_calculators: named(),
  markets: async (make) => ({
    name: unique('Market'),
    merchant: await make.some('merchants'),
    price_list: await make.some('price_lists'),
    inventory_model: await make.some('inventory_models'),
  }),
  merchants: async (make) => ({ name: unique('Merchant'), address: await make.some('addresses') }),
  notifications: async (make) => ({ name: unique('Notification'), notifiable: await make.a('orders') }),
  order_amount_promotion_rules: promoted({ order_amount_cents: 10_000 }),
  order_copies: async (make) => ({ source_order: await make.a('orders') }),
  order_subscription_items: async (make) => ({
    quantity: 1,
    order_subscription: await make.a('order_subscriptions'),
    item: await make.a('skus'),
  }),
  order_subscriptions: async (make) => ({ frequency: 'monthly', source_order: await make.a('orders') }),
  orders: async (make) => ({ market: await make.some('markets') }),
  packages: async (make) => ({
    name: unique('Package'),
    length: 40,
    width: 30,
    height: 20,
    unit_of_length: 'cm',
    stock_location: await make.some('stock_locations'),
  }),
  parcel_line_items: async (make) => {
    const shipment = await make.a('shipments')
    return {
      quantity: 1,
      parcel: await make.a('parcels', { shipment }),
      stock_line_item: await make.a('stock_line_items', { shipment }),
    }
  },
  parcels: async (make) => ({
    weight: 500,
    unit_of_weight: 'gr',
    shipment: await make.a('shipments'),
    package: await make.some('packages'),
  }),
  payment_methods: async (make) => ({
    payment_source_type: 'wire_transfers',
    currency_code: 'EUR',
    price_amount_cents: 0,
    market: await make.some('markets'),
    payment_gateway: await make.a('manual_gateways'),
  }),
  payment_options: order({ payment_source_type: 'stripe_payments', data: { application_fee: 1 } }),
  paypal_gateways: named({ client_id: 'i', client_secret: 's' }),
  paypal_payments: order({ return_url: 'https://example.com/back', cancel_url: 'https://example.com/no' }),
  percentage_discount_promotions: promotion({ percentage: 10 }),
  price_frequency_tiers: async (make) => ({
    name: 'monthly',
    up_to: 30,
    price_amount_cents: 800,
    price: await make.a('prices'),
  }),
  price_list_schedulers: async (make) => ({
    name: unique('Sale'),
    starts_at: STARTS,
    expires_at: ENDS,
    market: await make.some('markets'),
    price_list: await make.a('price_lists'),
  }),
  price_lists: named({ currency_code: 'EUR', tax_included: true }),
  price_volume_tiers: async (make) => ({
    name: 'ten and more',
    up_to: 10,
    price_amount_cents: 900,
    price: await make.a('prices'),
  }),
  prices: async (make, given) => ({
    amount_cents: 1_000,
    compare_at_amount_cents: 1_200,
    price_list: await make.some('price_lists'),
    ...(given.sku_code ? {} : { sku: await make.a('skus') }),
  }),
  recurring_order_copies: async (make) => ({
    source_order: await make.a('orders'),
    order_subscription: await make.a('order_subscriptions'),
  }),
  return_line_items: async (make) => {
    const of = await make.a('orders')
    const item = await make.a('line_items', { order: of })
    return { quantity: 1, return: await make.a('returns', { order: of }), line_item: item }
  },
  returns: order(),
  satispay_gateways: named({ token: 't' }),
  satispay_payments: order(),
  // By hand only from the moment that the order is being fulfilled.
  shipments: async (make) => {
    const shop = await make.shop()
    const { inventory_stock_location, shipping_category } = shop.shared
    return { order: link(await shop.paid()), inventory_stock_location, shipping_category }
  },
  shipping_categories: named(),
  shipping_methods: named({ currency_code: 'EUR', price_amount_cents: 700 }),
  shipping_weight_tiers: async (make) => ({
    name: 'light',
    up_to: 20.5,
    price_amount_cents: 500,
    shipping_method: await make.some('shipping_methods'),
  }),
  shipping_zones: named({ country_code_regex: 'IT|DE' }),
  sku_list_items: async (make) => ({
    position: 1,
    quantity: 1,
    sku_list: await make.a('sku_lists'),
    sku: await make.a('skus'),
  }),
  sku_list_promotion_rules: async (make, given) => ({
    ...(await promoted()(make, given)),
    sku_list: await make.some('sku_lists'),
  }),
  sku_lists: named(),
  sku_options: named({ currency_code: 'EUR', price_amount_cents: 200, delay_hours: 24 }),
  skus: async (make) => ({
    code: unique('SKU'),
    name: 'White T-Shirt',
    shipping_category: await make.some('shipping_categories'),
  }),
  stock_items: async (make, given) => ({
    quantity: 10,
    stock_location: await make.some('stock_locations'),
    ...(given.sku_code ? {} : { sku: await make.a('skus') }),
  }),
  stock_line_items: async (make) => ({
    quantity: 1,
    shipment: await make.a('shipments'),
    stock_item: await make.a('stock_items'),
    sku: await make.some('skus'),
  }),
  stock_locations: async (make) => ({ name: unique('Warehouse'), address: await make.some('addresses') }),
  stock_reservations: async (make) => ({ quantity: 1, stock_item: await make.a('stock_items') }),
  stock_transfers: async (make) => ({
    quantity: 1,
    sku: await make.a('skus'),
    origin_stock_location: await make.some('stock_locations'),
    destination_stock_location: await make.a('stock_locations'),
  }),
  stores: async (make) => ({ name: unique('Store'), market: await make.some('markets') }),
  stripe_gateways: named({ login: 'l' }),
  stripe_payments: order(),
  stripe_tax_accounts: named({ api_key: 'k' }),
  subscription_models: named({ frequencies: ['monthly', 'weekly'] }),
  tags: () => ({ name: unique('tag').slice(-25) }),
  talon_one_accounts: named({ api_key: 'k', baseurl: 'https://example.com' }),
  tax_categories: async (make) => ({
    code: unique('TAX'),
    sku: await make.a('skus'),
    tax_calculator: await make.some('avalara_accounts'),
  }),
  tax_rules: async (make) => ({
    name: unique('Rule'),
    tax_rate: 0.22,
    country_code_regex: 'IT',
    manual_tax_calculator: await make.some('manual_tax_calculators'),
  }),
  taxjar_accounts: named({ api_key: 'k' }),
  vertex_accounts: named({ client_id: 'i', client_secret: 's' }),
  webhooks: () => ({ topic: 'orders.place', callback_url: 'https://example.com/hook' }),
  wire_transfers: order(),
}
