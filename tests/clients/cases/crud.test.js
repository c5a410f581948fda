/** Every type that can be created: created, read, found, changed and deleted through the SDK. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { documents } from '../documents.js'
import { client, Maker, refusal, unique } from '../kit.js'

// Written and never shown again.
const WRITE_ONLY = new Set([
  'api_key', 'api_secret', 'baseurl', 'client_secret', 'key', 'merchant_account',
  'merchant_account_id', 'merchant_id', 'password', 'private_key', 'public_key', 'secret_key',
  'klarna_gateways.country_code', 'stripe_gateways.login', 'paypal_gateways.client_id', 'vertex_accounts.client_id',
])

let cl, make
before(async () => {
  cl = await client()
  make = new Maker(cl)
})

for (const type of Object.keys(documents)) {
  test(`${type}: create, retrieve, list, update, delete`, async () => {
    const document = { metadata: { made: 'here' }, ...(await make.document(type)) }
    document.reference ??= unique('reference')

    const created = await cl[type].create({ ...document })
    assert.equal(created.type, type)
    for (const [name, sent] of Object.entries(document)) {
      if (isLink(sent)) continue // shown where it is included
      if (WRITE_ONLY.has(name) || WRITE_ONLY.has(`${type}.${name}`)) assert.ok(!(name in created), name)
      else assert.deepEqual(created[name], sent, name)
    }

    const retrieved = await cl[type].retrieve(created.id)
    assert.deepEqual(stable(retrieved), stable(created))

    const found = await cl[type].list({ filters: { reference_eq: document.reference } })
    assert.deepEqual(Array.from(found, stable), [stable(created)])
    assert.equal(found.recordCount, 1)

    const change = { reference_origin: unique('origin'), metadata: { changed: [1, null, { deep: true }] } }
    const updated = await cl[type].update({ id: created.id, ...change })
    assert.deepEqual({ reference_origin: updated.reference_origin, metadata: updated.metadata }, change)
    assert.equal(updated.reference, document.reference)
    assert.equal(updated.created_at, created.created_at)
    assert.ok(updated.updated_at >= created.updated_at)
    assert.deepEqual(stable(await cl[type].retrieve(created.id)), stable(updated))

    assert.equal(await cl[type].delete(created.id), undefined)
    const gone = await refusal(404, cl[type].retrieve(created.id))
    assert.equal(gone.first().code, 'RECORD_NOT_FOUND')
    assert.equal(await cl[type].count({ reference_eq: document.reference }), 0)
  })
}

const isLink = (value) => Boolean(value?.id ?? value?.[0]?.id)

/** What time and jobs do not change between two looks, and lists show as well. */
function stable(record) {
  const { inventory, updated_at, refreshed_at, status, started_at, completed_at, processed_count, ...rest } = record
  return rest
}
