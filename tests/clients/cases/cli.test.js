/** The official CLI and its plugins. Two commands at a time. */

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Cli } from '../cli.js'
import { client, raw, refusal, unique, until } from '../kit.js'
import { Receiver } from '../receiver.js'
import { Shop } from '../shop.js'

let cl, shop, cli
before(async () => {
  cl = await client()
  shop = await new Shop(cl).open()
  cli = new Cli()
  await cli.login()
})
after(() => cli.close())

const found = (said, pattern) => said.match(pattern)?.[1] ?? assert.fail(`${pattern} is not in:\n${said}`)

describe('the CLI', { concurrency: 2 }, () => {
  test('cli plugins: all are there', async () => {
    const said = await cli.ok('plugins')
    for (const name of ['imports', 'exports', 'webhooks', 'orders', 'resources', 'triggers', 'cleanups', 'tags']) {
      assert.match(said, new RegExp(`@commercelayer/cli-plugin-${name} \\d`))
    }
  })

  test('cli login: tells whose application it is', async () => {
    const said = await cli.ok('applications:current')
    assert.match(said, /demo-client/)
    assert.match(said, /integration/)
  })

  test('cli login: with a wrong secret', async () => {
    const other = new Cli()
    const { code, said } = await other.run('applications:login', '-o', 'demo', '-i', 'demo-client', '-s', 'wrong', '-a', 'x')
    assert.notEqual(code, 0)
    assert.match(said, /Login failed/)
    other.close()
  })

  test('cli login: to an organization that the credential is not of', async () => {
    const other = new Cli()
    const { code } = await other.run('applications:login', '-o', 'acme', '-i', 'demo-client', '-s', 'demo-secret', '-a', 'x')
    assert.notEqual(code, 0)
    other.close()
  })

  test('cli token: is one that the API takes', async () => {
    const accessToken = found(await cli.ok('applications:token'), /(eyJ[\w-]+\.[\w-]+\.[\w-]+)/)
    assert.equal((await raw('GET', 'organization', { accessToken })).status, 200)
  })

  test('cli resources: list with filter, sort, fields and pages', async () => {
    const reference = unique('cli')
    for (const name of ['one', 'two', 'three']) await shop.create('skus', { reference, name })
    const skus = await cli.json('list', 'skus', '-w', `reference_eq=${reference}`, '-s', 'name', '-f', 'id,name', '-n', '2', '-p', '1')
    assert.deepEqual(skus.map(({ name }) => name), ['one', 'three'])
    assert.deepEqual(Object.keys(skus[0]), ['id', 'type', 'name'])
  })

  test('cli resources: get one, with an include', async () => {
    const sku = await shop.product({ cents: 4_711 })
    const shown = await cli.json('get', 'skus', sku.id, '-i', 'prices')
    assert.equal(shown.code, sku.code)
    assert.deepEqual(shown.prices.map((price) => price.amount_cents), [4_711])
  })

  test('cli resources: get what is not there', async () => {
    const { code, said } = await cli.run('get', 'skus', 'doesNotExi')
    assert.notEqual(code, 0)
    assert.match(said, /not found/i)
  })

  test('cli resources: create with attributes, a relationship and metadata', async () => {
    const { id } = await shop.a('shipping_categories')
    const code = unique('CLI')
    const words = ['-a', `code=${code}`, 'name=By hand', '-r', `shipping_category=shipping_categories/${id}`, '-m', 'erp=42']
    const made = await cli.json('create', 'skus', ...words)
    const read = await cl.skus.retrieve(made.id, { include: ['shipping_category'] })
    assert.deepEqual([read.code, read.name, read.shipping_category.id], [code, 'By hand', id])
    assert.equal(String(read.metadata.erp), '42')
  })

  test('cli resources: create without what is required', async () => {
    const { code, said } = await cli.run('create', 'skus', '-a', 'name=No code')
    assert.notEqual(code, 0)
    assert.match(said, /\/data\/attributes\/code/)
  })

  test('cli resources: update keeps the metadata that it does not name', async () => {
    const { id } = await shop.create('skus', { metadata: { kept: 'yes' } })
    await cli.ok('update', 'skus', id, '-a', 'name=Renamed', '-m', 'added=too')
    const read = await cl.skus.retrieve(id)
    assert.deepEqual([read.name, read.metadata], ['Renamed', { kept: 'yes', added: 'too' }])
  })

  test('cli resources: delete', async () => {
    const { id } = await shop.create('customers')
    await cli.ok('delete', 'customers', id)
    await refusal(404, cl.customers.retrieve(id))
  })

  test('cli resources: fetch a path', async () => {
    const order = await shop.cart()
    const shown = await cli.json('fetch', `orders/${order.id}/customer`)
    assert.equal(shown.email, order.customer_email)
  })

  test('cli resources: a relationship', async () => {
    const order = await shop.cart()
    const items = await cli.json('relationship', 'orders', order.id, 'line_items')
    assert.ok(items.some((item) => item.item_type === 'skus'))
  })

  test('cli resources: count', async () => {
    const reference = unique('cli')
    for (let number = 0; number < 3; number++) await shop.create('customers', { reference })
    assert.match(await cli.ok('count', 'customers', '-w', `reference_eq=${reference}`), /\b3\b/)
  })

  test('cli resources: a singleton', async () => {
    assert.equal((await cli.json('get', 'organization')).slug, 'demo')
  })

  test('cli resources: all of them into a file', async () => {
    const reference = unique('cli')
    for (let number = 0; number < 28; number++) await shop.create('customers', { reference })
    const path = cli.file('all.json')
    await cli.ok('resources:all', 'customers', '-w', `reference_eq=${reference}`, '-x', path, '--json')
    assert.equal(new Set(JSON.parse(readFileSync(path)).map(({ id }) => id)).size, 28)
  })

  test('cli orders: place, approve, capture, refund', async () => {
    const { id } = await shop.cart()
    for (const [action, state] of [
      ['place', { status: 'placed', payment_status: 'authorized' }],
      ['approve', { status: 'approved' }],
      ['capture', { payment_status: 'paid', fulfillment_status: 'in_progress' }],
      ['refund', { status: 'cancelled', payment_status: 'refunded' }],
    ]) {
      assert.match(await cli.ok(`orders:${action}`, id), /without errors/)
      const order = await cl.orders.retrieve(id)
      assert.deepEqual({ ...order, ...state }, order, action)
    }
  })

  test('cli orders: cancel', async () => {
    const { id } = await shop.placed()
    const shown = await cli.json('orders:cancel', id, '-p')
    assert.deepEqual([shown.status, shown.payment_status], ['cancelled', 'voided'])
  })

  test('cli orders: approve and capture in one, archive', async () => {
    const { id } = await shop.placed()
    await cli.ok('orders:approve_and_capture', id)
    await cli.ok('orders:archive', id)
    const order = await cl.orders.retrieve(id)
    assert.equal(order.payment_status, 'paid')
    assert.ok(order.archived_at)
  })

  test('cli orders: clone an address', async () => {
    const { id } = await shop.cart()
    const address = await shop.create('addresses', { city: 'Bologna' })
    await cli.ok('orders:shipping_address_clone_id', id, '-v', address.id)
    assert.equal((await cl.orders.shipping_address(id)).city, 'Bologna')
  })

  test('cli orders: what the order is not ready for', async () => {
    const { id } = await shop.cart()
    const { code, said } = await cli.run('orders:approve', id)
    assert.notEqual(code, 0)
    assert.match(said, /VALIDATION_ERROR|approve/)
    assert.equal((await cl.orders.retrieve(id)).status, 'pending')
  })

  test('cli triggers: of a shipment', async () => {
    const { id } = (await cl.orders.shipments((await shop.paid()).id)).first()
    await cli.ok('shipment:picking', id)
    assert.equal((await cl.shipments.retrieve(id)).status, 'picking')
  })

  test('cli triggers: disable and enable a market', async () => {
    const { id } = await shop.a('markets')
    await cli.ok('market:disable', id)
    assert.ok((await cl.markets.retrieve(id)).disabled_at)
    await cli.ok('market:enable', id)
    assert.equal((await cl.markets.retrieve(id)).disabled_at, null)
  })

  test('cli triggers: capture an authorization', async () => {
    const { id } = (await cl.orders.authorizations((await shop.approved()).id)).first()
    const { code, said } = await cli.run('authorization:capture', id)
    assert.equal(code, 0, said)
    assert.equal((await cl.authorizations.retrieve(id, { include: ['captures'] })).captures.length, 1)
  })

  test('cli imports: JSON, then its details and the list', async () => {
    const reference = unique('cli')
    const rows = Array.from({ length: 3 }, () => ({ email: `${unique('cli')}@example.com`, reference }))
    const path = cli.file('customers.json', JSON.stringify(rows))
    await cli.ok('imports:create', '-t', 'customers', '-i', path, '--quiet')
    assert.equal(await cl.customers.count({ reference_eq: reference }), 3)
    const [job] = await cl.imports.list({ filters: { resource_type_eq: 'customers' }, sort: ['-created_at'] })
    assert.match(job.reference, /-0001$/)
    assert.match(await cli.ok('imports:details', job.id), /completed/i)
    assert.match(await cli.ok('imports:list', '-t', 'customers'), new RegExp(job.id))
  })

  test('cli imports: CSV', async () => {
    const category = await shop.a('shipping_categories')
    const codes = [unique('CSV'), unique('CSV')]
    const lines = ['code,name,shipping_category_id', ...codes.map((code) => `${code},"From, CSV",${category.id}`)]
    const path = cli.file('skus.csv', `${lines.join('\n')}\n`)
    await cli.ok('imports:create', '-t', 'skus', '-i', path, '--csv', '--quiet')
    const skus = await cl.skus.list({ filters: { code_in: codes } })
    assert.deepEqual(Array.from(skus, ({ name }) => name), ['From, CSV', 'From, CSV'])
  })

  test('cli imports: tells the errors', async () => {
    const rows = [{ code: unique('CLI'), name: 'No category' }]
    const path = cli.file('wrong.json', JSON.stringify(rows))
    await cli.run('imports:create', '-t', 'skus', '-i', path, '--quiet')
    const [job] = await cl.imports.list({ filters: { resource_type_eq: 'skus', errors_count_gt: 0 }, sort: ['-created_at'] })
    assert.match(await cli.ok('imports:details', job.id), /interrupted|errors/i)
  })

  test('cli exports: JSON into a file', async () => {
    const reference = unique('cli')
    for (let number = 0; number < 2; number++) await shop.create('customers', { reference })
    const path = cli.file('export.json')
    await cli.ok('exports:create', '-t', 'customers', '-w', `reference_eq=${reference}`, '-x', path, '--blind')
    assert.deepEqual(JSON.parse(readFileSync(path)).map((row) => row.reference), [reference, reference])
  })

  test('cli exports: CSV, then its details and the list', async () => {
    const sku = await shop.create('skus')
    const path = cli.file('export.csv')
    await cli.ok('exports:create', '-t', 'skus', '-w', `code_eq=${sku.code}`, '-x', path, '--csv', '--blind')
    assert.match(readFileSync(path, 'utf-8'), new RegExp(sku.code))
    const [job] = await cl.exports.list({ filters: { resource_type_eq: 'skus' }, sort: ['-created_at'] })
    assert.match(await cli.ok('exports:details', job.id), /completed/i)
    assert.match(await cli.ok('exports:list'), new RegExp(job.id))
  })

  test('cli exports: nothing to export', async () => {
    const path = cli.file('nothing.json')
    const { said } = await cli.run('exports:create', '-t', 'skus', '-w', 'code_eq=NOTHING', '-x', path, '--blind')
    assert.match(said, /No skus found/)
    assert.ok(!existsSync(path))
  })

  test('cli cleanups: delete what a filter finds', async () => {
    const reference = unique('cli')
    for (let number = 0; number < 2; number++) await shop.create('skus', { reference })
    await cli.ok('cleanups:create', '-t', 'skus', '-w', `reference_eq=${reference}`, '--quiet')
    await until(() => cl.skus.count({ reference_eq: reference }), (count) => count === 0, 'the cleanup')
    assert.match(await cli.ok('cleanups:list', '-t', 'skus'), /completed/i)
  })

  test('cli webhooks: create, list, change, details', async () => {
    const said = await cli.ok('webhooks:create', '-t', 'orders.place', '-u', 'https://example.com/a', '-i', 'customer', '-n', 'Mine')
    const id = found(said, /with topic .*orders\.place.* and id .*?(\w{10})/)
    const made = await cl.webhooks.retrieve(id)
    assert.deepEqual([made.name, made.callback_url, made.include_resources], ['Mine', 'https://example.com/a', ['customer']])
    assert.match(await cli.ok('webhooks:list', '-t', 'orders.place'), new RegExp(id))
    await cli.ok('webhooks:update', id, '-n', 'Yours')
    assert.match(await cli.ok('webhooks:details', id), /Yours/)
    await cl.webhooks.delete(id)
  })

  test('cli webhooks: disable, enable, reset', async () => {
    const { id } = await cl.webhooks.create({ topic: 'orders.place', callback_url: 'https://example.com/b' })
    await cli.ok('webhooks:disable', id)
    assert.ok((await cl.webhooks.retrieve(id)).disabled_at)
    await cli.ok('webhooks:enable', id)
    assert.equal((await cl.webhooks.retrieve(id)).disabled_at, null)
    assert.equal((await cli.run('webhooks:reset', id)).code, 0)
    await cl.webhooks.delete(id)
  })

  test('cli webhooks: what was sent', async () => {
    const receiver = await new Receiver().open()
    const { id } = await cl.webhooks.create({ topic: 'customers.create', callback_url: `${receiver.url}/cli` })
    const customer = await shop.create('customers')
    await receiver.at('/cli')
    await until(() => cl.event_callbacks.count({ webhook_id_eq: id }), (count) => count >= 1, 'the callback')
    assert.match(await cli.ok('webhooks:events', id), /200/)
    const [callback] = await cl.event_callbacks.list({ filters: { webhook_id_eq: id } })
    const shown = await cli.ok('webhooks:event', callback.id, '-p')
    assert.match(shown, new RegExp(customer.id))
    receiver.close()
    await cl.webhooks.delete(id)
  })

  test('cli tags: create, add, list, remove', async () => {
    const name = unique('cli').slice(-25)
    const sku = await shop.create('skus')
    await cli.ok('tags:create', '-n', name)
    await cli.ok('tags:add', '-t', 'skus', '-i', sku.id, '-n', name)
    assert.deepEqual(Array.from(await cl.skus.tags(sku.id), (tag) => tag.name), [name])
    assert.match(await cli.ok('tags:list', '-A'), new RegExp(name))
    await cli.ok('tags:remove', '-t', 'skus', '-i', sku.id, '-n', name)
    assert.equal((await cl.skus.tags(sku.id)).length, 0)
  })
})
