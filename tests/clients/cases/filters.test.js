/** Every predicate of the filter language, over the same few promotions. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { bad, client, ids, Maker, unique } from '../kit.js'

const family = unique('filters')
const PROMOTIONS = [
  // name, total_usage_limit, priority, reference, exclusive, metadata
  ['Alpha Shirt', 100, 1, null, false, { erp: { id: 1, tags: ['x', 'y'] } }],
  ['Beta shirt', 200, 2, 'HS-2', false, { erp: { id: 2, tags: ['y'] } }],
  ['Gamma Hat', 300, 3, 'HS-3', true, {}],
  ['Delta Hat 100%', 400, null, '', true, { flag: true }],
]

// predicate, its filters, the initials of those found
const CASES = [
  ['eq', { name_eq: 'Alpha Shirt' }, 'a'],
  ['eq minds the case', { name_eq: 'alpha shirt' }, ''],
  ['eq on a number', { total_usage_limit_eq: 400 }, 'd'],
  ['eq_or_null', { reference_eq_or_null: 'HS-2' }, 'ab'],
  ['not_eq', { name_not_eq: 'Alpha Shirt' }, 'bgd'],
  ['not_eq drops nulls', { reference_not_eq: 'HS-2' }, 'gd'],
  ['not_eq_or_null', { reference_not_eq_or_null: 'HS-2' }, 'agd'],
  ['not_eq_all', { priority_not_eq_all: [1, 2] }, 'g'],
  ['matches', { name_matches: '%Hat%' }, 'gd'],
  ['matches is anchored', { name_matches: 'Hat' }, ''],
  ['matches does not mind the case', { name_matches: 'alpha%' }, 'a'],
  ['does_not_match', { name_does_not_match: '%Hat%' }, 'ab'],
  ['matches_any', { name_matches_any: ['Alpha%', 'Gamma%'] }, 'ag'],
  ['matches_all', { name_matches_all: ['Alpha%', '%Shirt'] }, 'a'],
  ['does_not_match_any', { name_does_not_match_any: ['Alpha%', '%Shirt'] }, 'bgd'],
  ['does_not_match_all', { name_does_not_match_all: ['Alpha%', 'Beta%'] }, 'gd'],
  ['lt', { total_usage_limit_lt: 200 }, 'a'],
  ['lteq', { total_usage_limit_lteq: 200 }, 'ab'],
  ['gt', { total_usage_limit_gt: 300 }, 'd'],
  ['gteq', { total_usage_limit_gteq: 300 }, 'gd'],
  ['lt_any', { total_usage_limit_lt_any: [150, 250] }, 'ab'],
  ['lt_all', { total_usage_limit_lt_all: [150, 250] }, 'a'],
  ['lteq_any', { total_usage_limit_lteq_any: [100, 200] }, 'ab'],
  ['lteq_all', { total_usage_limit_lteq_all: [100, 200] }, 'a'],
  ['gt_any', { total_usage_limit_gt_any: [200, 300] }, 'gd'],
  ['gt_all', { total_usage_limit_gt_all: [200, 300] }, 'd'],
  ['gteq_any', { total_usage_limit_gteq_any: [200, 300] }, 'bgd'],
  ['gteq_all', { total_usage_limit_gteq_all: [200, 300] }, 'gd'],
  ['present', { reference_present: true }, 'bg'],
  ['blank', { reference_blank: true }, 'ad'],
  ['null', { reference_null: true }, 'a'],
  ['null=false', { reference_null: false }, 'bgd'],
  ['not_null', { reference_not_null: true }, 'bgd'],
  ['in', { name_in: ['Alpha Shirt', 'Gamma Hat', 'Nobody'] }, 'ag'],
  ['in on integers', { priority_in: '1,3' }, 'ag'],
  ['in_or_null', { priority_in_or_null: '1' }, 'ad'],
  ['not_in', { name_not_in: ['Alpha Shirt', 'Gamma Hat'] }, 'bd'],
  ['not_in_or_null', { priority_not_in_or_null: ['1', '2'] }, 'gd'],
  ['start', { name_start: 'Alpha' }, 'a'],
  ['not_start', { name_not_start: 'Alpha' }, 'bgd'],
  ['start_any', { name_start_any: ['Alpha', 'Beta'] }, 'ab'],
  ['start_all', { name_start_all: ['A', 'Alpha'] }, 'a'],
  ['not_start_any', { name_not_start_any: ['Alpha', 'Alp'] }, 'bgd'],
  ['not_start_all', { name_not_start_all: ['Alpha', 'Beta'] }, 'gd'],
  ['end', { name_end: 'Hat' }, 'g'],
  ['not_end', { name_not_end: 'Hat' }, 'abd'],
  ['end_any', { name_end_any: ['Hat', '100%'] }, 'gd'],
  ['end_all', { name_end_all: ['at', 'Hat'] }, 'g'],
  ['not_end_any', { name_not_end_any: ['Hat', 'at'] }, 'abd'],
  ['not_end_all', { name_not_end_all: ['Hat', '100%'] }, 'ab'],
  ['cont', { name_cont: 'a Hat' }, 'gd'],
  ['cont does not mind the case', { name_cont: 'HAT' }, 'gd'],
  ['not_cont', { name_not_cont: 'Hat' }, 'ab'],
  ['cont_any', { name_cont_any: ['Alpha', 'Delta'] }, 'ad'],
  ['cont_all', { name_cont_all: ['Delta', '100'] }, 'd'],
  ['not_cont_all', { name_not_cont_all: ['Alpha', 'Delta'] }, 'bg'],
  ['jcont', { metadata_jcont: { erp: { id: 1 } } }, 'a'],
  ['jcont within lists', { metadata_jcont: { erp: { tags: ['y'] } } }, 'ab'],
  ['jcont takes no number for a text', { metadata_jcont: { erp: { id: '1' } } }, ''],
  ['true', { exclusive_true: true }, 'gd'],
  ['false', { exclusive_false: true }, 'ab'],
  ['_or_ between attributes', { name_or_reference_cont: 'HS-3' }, 'g'],
  ['_or_ of three', { name_or_reference_or_reference_origin_end: 'HS-2' }, 'b'],
  ['several filters must all hold', { name_cont: 'Hat', total_usage_limit_gt: 300 }, 'd'],
  ['an attribute of a relation', { market_name_eq: `${family} heavy` }, 'gd'],
  ['an attribute of a to-many relation', { tags_name_eq: `b-${family}`.slice(0, 25) }, 'b'],
  ['a relation of a relation', { market_price_list_code_eq: `${family}-list` }, 'ab'],
  ['a time', { created_at_gt: '2020-01-01T00:00:00Z', updated_at_lt: '2120-01-01' }, 'abgd'],
  ['a value with signs of the query language', { name_eq: 'Delta Hat 100%' }, 'd'],
]

let cl, make
before(async () => {
  cl = await client()
  make = new Maker(cl)
  const price_list = await make.a('price_lists', { code: `${family}-list` })
  const light = await make.a('markets', { name: `${family} light`, price_list })
  const heavy = await make.a('markets', { name: `${family} heavy` })
  for (const [name, total_usage_limit, priority, reference, exclusive, metadata] of PROMOTIONS) {
    await make.create('percentage_discount_promotions', {
      name,
      total_usage_limit,
      priority,
      reference,
      exclusive,
      metadata,
      reference_origin: family,
      market: total_usage_limit < 300 ? light : heavy,
      tags: [await make.a('tags', { name: `${name[0].toLowerCase()}-${family}`.slice(0, 25) })],
    })
  }
})

const found = async (filters) => {
  const promotions = await cl.percentage_discount_promotions.list({
    filters: { reference_origin_eq: family, ...filters },
    sort: ['total_usage_limit'],
    pageSize: 25,
  })
  assert.equal(promotions.recordCount, promotions.length)
  return Array.from(promotions, ({ name }) => name[0].toLowerCase()).join('')
}

for (const [name, filters, letters] of CASES) {
  test(`filter: ${name}`, async () => {
    assert.equal(await found(filters), letters)
  })
}

test('filter: a number with a fraction', async () => {
  const rule = await make.create('tax_rules', { reference: family, tax_rate: 0.225 })
  const rates = (filters) => cl.tax_rules.count({ reference_eq: family, ...filters })
  assert.deepEqual([await rates({ tax_rate_gt: 0.22 }), await rates({ tax_rate_lt: 0.225 })], [1, 0])
  assert.equal(rule.tax_rate, 0.225)
})

test('filter: prices by the code of their SKU', async () => {
  const sku = await make.create('skus')
  const price = await make.create('prices', { sku: { type: 'skus', id: sku.id } })
  const prices = await cl.prices.list({ filters: { sku_code_in: [sku.code, 'nobody'] } })
  assert.deepEqual(ids(prices), [price.id])
  assert.equal(prices.first().sku_code, sku.code)
})

test('filter: orders by the group of their customer', async () => {
  const group = await make.create('customer_groups')
  const customer = await make.a('customers', { customer_group: { type: 'customer_groups', id: group.id } })
  const order = await make.create('orders', { customer })
  const orders = await cl.orders.list({ filters: { customer_customer_group_name_eq: group.name } })
  assert.deepEqual(ids(orders), [order.id])
})

test('filter: an attribute that does not exist is refused', async () => {
  await bad('FILTER_NOT_ALLOWED', cl.skus.list({ filters: { colour_eq: 'red' } }))
})

test('filter: a predicate that does not exist is refused', async () => {
  await bad('FILTER_NOT_ALLOWED', cl.skus.list({ filters: { name_sounds_like: 'red' } }))
})

test('filter: an attribute that is not filterable is refused', async () => {
  await bad('FILTER_NOT_ALLOWED', cl.prices.list({ filters: { formatted_amount_eq: '1' } }))
})
