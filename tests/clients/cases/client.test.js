/** The machinery of the SDK: interceptors, raw answers, headers, refreshed tokens, faults. */

import assert from 'node:assert/strict'
import { afterEach, before, test } from 'node:test'
import { headerRateLimits } from '@commercelayer/sdk-utils'
import { client, control, Maker, onlyDirect, refusal, token, unique } from '../kit.js'

let cl, make
before(async () => {
  cl = await client()
  make = new Maker(cl)
  await make.create('customers')
})
afterEach(async () => {
  cl.removeInterceptors()
  if (!onlyDirect.skip) await control('DELETE', 'faults')
})

test('request interceptor: sees and may change the request', async () => {
  let seen
  cl.addRequestInterceptor((request) => {
    seen = new URL(request.url)
    request.url.searchParams.set('page[size]', '1')
    return request
  })
  const found = await cl.customers.list({ sort: ['email'] })
  assert.equal(seen.pathname, '/api/customers')
  assert.equal(seen.searchParams.get('page[number]'), '1')
  assert.equal(found.length, 1)
})

test('response interceptor: sees success', async () => {
  let status
  cl.addResponseInterceptor((response) => {
    status = response.status
    return response
  })
  await make.create('customers')
  assert.equal(status, 201)
})

test('response interceptor: sees failure', async () => {
  let seen
  cl.addResponseInterceptor(undefined, (error) => {
    seen = error
    return error
  })
  await refusal(404, cl.customers.retrieve('doesNotExi'))
  assert.equal(seen.status, 404)
  assert.equal(seen.errors[0].code, 'RECORD_NOT_FOUND')
})

test('raw reader: the document as it came', async () => {
  const reader = cl.addRawResponseReader()
  const { email } = await make.create('customers')
  assert.equal(reader.ok, true)
  assert.equal(reader.rawResponse.data.attributes.email, email)
  assert.ok(reader.rawResponse.data.links.self)
})

test('raw reader: of a refusal', async () => {
  const reader = cl.addRawResponseReader()
  await refusal(422, cl.customers.create({ email: '' }))
  assert.equal(reader.ok, false)
  assert.equal(reader.rawResponse.errors[0].status, '422')
})

test('headers: rate limits and a request id on every answer', onlyDirect, async () => {
  const reader = cl.addRawResponseReader({ headers: true })
  await cl.customers.list()
  const limits = headerRateLimits(reader.headers)
  assert.deepEqual([limits.limit, limits.interval], [100, 60])
  assert.ok(limits.remaining <= 100)
  assert.ok(reader.headers['x-request-id'])
  await cl.skus.list()
  assert.equal(headerRateLimits(reader.headers).limit, 500)
  await make.create('customers')
  assert.equal(headerRateLimits(reader.headers).limit, 100)
})

test('headers of one\'s own are taken', async () => {
  const found = await cl.customers.list({ pageSize: 1 }, { headers: { 'X-Mine': 'yes' } })
  assert.equal(found.length, 1)
})

test('params of one\'s own go into the query', async () => {
  const found = await cl.customers.list({}, { params: { 'page[size]': 2 } })
  assert.ok(found.length <= 2)
})

test('a blank id is refused before it is sent', async () => {
  await assert.rejects(async () => cl.skus.retrieve(''), { name: 'SdkError' })
})

test('a deleted record answers with nothing', async () => {
  const { id } = await make.create('customers')
  assert.equal(await cl.customers.delete(id), undefined)
})

test('fetch: any path', async () => {
  const { id } = await make.create('skus')
  const prices = await cl.skus.prices(id)
  assert.equal(prices.length, 0)
})

test('token: an expired one is refreshed once, and the request sent again', onlyDirect, async () => {
  await control('PATCH', 'clock', { offset: -100_000 })
  await control('PATCH', 'settings', { reuse_tokens: false })
  const old = await token()
  await control('PATCH', 'clock', { offset: 0 })
  await control('PATCH', 'settings', { reuse_tokens: true })
  const given = []
  const renewing = await client({ accessToken: old, refreshToken: async (expired) => {
    given.push(expired)
    return token()
  } })
  assert.ok((await renewing.customers.list()).length)
  assert.ok((await renewing.customers.list()).length)
  assert.deepEqual(given, [old])
})

test('token: one that is refused though it has not expired is not refreshed', onlyDirect, async () => {
  const renewing = await client({ refreshToken: async () => assert.fail('was asked') })
  await control('POST', 'tokens/expire')
  const error = await refusal(401, renewing.customers.list())
  assert.equal(error.first().code, 'INVALID_TOKEN')
  cl = await client()
  make = new Maker(cl)
})

test('fault: 429 as recorded, its errors are no list', onlyDirect, async () => {
  await control('POST', 'faults', { kind: '429', path: '/api/customers', times: 1 })
  const error = await refusal(429, cl.customers.list())
  assert.deepEqual(error.errors, { title: 'Too Many Requests', code: 'THROTTLED', status: 429 })
})

test('limit: writes are refused beyond their burst, and accepted ten seconds later', onlyDirect, async () => {
  await control('PATCH', 'settings', { limits: 'sliding' })
  await control('POST', 'limits/forget')
  const statuses = []
  for (let number = 0; number < 26; number++) {
    statuses.push(await cl.customers.create({ email: `${unique()}@example.com` }).then(() => 201, ({ status }) => status))
  }
  assert.deepEqual([statuses.lastIndexOf(201), statuses.at(-1)], [24, 429])
  await control('PATCH', 'clock', { advance: 11 })
  await make.create('customers')
  await control('PATCH', 'settings', { limits: 'off' })
  await control('PATCH', 'clock', { offset: 0 })
})

test('fault: a page of HTML', onlyDirect, async () => {
  await control('POST', 'faults', { kind: 'html', path: '/api/customers', times: 1 })
  const error = await refusal(503, cl.customers.list())
  assert.deepEqual(error.errors, [])
})

test('fault: a page of HTML that says 200', onlyDirect, async () => {
  await control('POST', 'faults', { kind: 'html_200', path: '/api/customers', times: 1 })
  await assert.rejects(cl.customers.list(), { name: 'SdkError', type: 'parse' })
})

test('fault: an internal error', onlyDirect, async () => {
  await control('POST', 'faults', { kind: '500', path: '/api/customers', times: 1 })
  const error = await refusal(500, cl.customers.list())
  assert.equal(error.first().code, 'INTERNAL_SERVER_ERROR')
})

test('fault: a broken connection', onlyDirect, async () => {
  await control('POST', 'faults', { kind: 'reset', path: '/api/customers', times: 1 })
  await assert.rejects(cl.customers.list(), { name: 'SdkError' })
  assert.ok((await cl.customers.list()).length)
})

test('fault: an answer that takes too long', onlyDirect, async () => {
  await control('POST', 'faults', { kind: 'slow', delay: 0.5, path: '/api/customers', times: 1 })
  await assert.rejects(cl.customers.list({}, { timeout: 100 }), { name: 'SdkError', type: 'timeout' })
})

test('an api version in the path is taken', onlyDirect, async () => {
  const answer = await fetch('https://demo.commercelayer.io/api/2017-08/customers', {
    headers: { authorization: `Bearer ${await token()}`, accept: 'application/vnd.api+json' },
  })
  assert.equal(answer.status, 200)
  assert.equal((await answer.json()).data[0].type, 'customers')
})

test('other hosts of Commerce Layer are nobody here', onlyDirect, async () => {
  await assert.rejects(fetch('https://provisioning.commercelayer.io/api/user'), TypeError)
  await assert.rejects(fetch('https://demo.commercelayer.io/metrics/orders'), TypeError)
})
