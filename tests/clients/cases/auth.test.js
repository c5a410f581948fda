/** Tokens, by js-auth, and what they let one do. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import {
  authenticate,
  getCoreApiBaseEndpoint,
  InvalidTokenError,
  jwtDecode,
  jwtIsIntegration,
  jwtIsSalesChannel,
  jwtVerify,
  makeIntegration,
  makeSalesChannel,
  revoke,
  TokenExpiredError,
} from '@commercelayer/js-auth'
import { client, control, INTEGRATION, Maker, ORGANIZATION, raw, refusal, token } from '../kit.js'

const SALES = { clientId: 'demo-sales', scope: 'market:code:europe' }
const READER = { clientId: 'demo-read-only', clientSecret: 'demo-secret' }

before(async () => {
  const make = new Maker(await client())
  await make.create('markets', { code: 'europe' })
})

const ask = (options) => authenticate('client_credentials', options)

test('token: an integration that names no scope gets market:all', async () => {
  const answer = await ask(INTEGRATION)
  assert.equal(answer.scope, 'market:all')
  assert.equal(answer.tokenType.toLowerCase(), 'bearer')
  assert.ok(answer.expiresIn > 7_000 && answer.expiresIn <= 7_200)
  assert.ok(answer.expires > new Date())
  assert.ok(Number.isInteger(answer.createdAt))
})

test('token: the scope that was asked for', async () => {
  assert.equal((await ask({ ...INTEGRATION, scope: 'market:code:europe' })).scope, 'market:code:europe')
})

test('token: the same one again', async () => {
  const [one, two] = [await ask(INTEGRATION), await ask(INTEGRATION)]
  assert.equal(two.accessToken, one.accessToken)
  assert.ok(two.expiresIn <= one.expiresIn)
})

test('token: a new one in its last quarter of an hour, and both are good', async () => {
  const one = await ask(INTEGRATION)
  await control('PATCH', 'clock', { advance: one.expiresIn - 800 })
  const two = await ask(INTEGRATION)
  assert.notEqual(two.accessToken, one.accessToken)
  for (const { accessToken } of [one, two]) assert.equal((await raw('GET', 'skus', { accessToken })).status, 200)
  await control('PATCH', 'clock', { offset: 0 })
})

for (const [name, options] of [
  ['a wrong secret', { ...INTEGRATION, clientSecret: 'wrong' }],
  ['no secret', { clientId: INTEGRATION.clientId }],
  ['an unknown client', { clientId: 'nobody', clientSecret: 'demo-secret' }],
]) {
  test(`token: ${name} is refused`, async () => {
    const { errors, accessToken } = await ask(options)
    assert.equal(accessToken, undefined)
    const [{ title, detail, code, status }] = errors
    assert.deepEqual(
      { title, detail, code, status },
      {
        title: 'invalid_client',
        detail:
          'Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.',
        code: 'UNAUTHORIZED',
        status: 401,
      },
    )
  })
}

test('token: a grant that the credential does not have', async () => {
  const { errors } = await authenticate('password', { ...INTEGRATION, username: 'a@example.com', password: 'p' })
  assert.ok(errors.length === 1 && errors[0].status >= 400)
})

test('token: as a form, and with HTTP Basic', async () => {
  const basic = Buffer.from(`${INTEGRATION.clientId}:${INTEGRATION.clientSecret}`).toString('base64')
  for (const [body, headers] of [
    [{ client_id: INTEGRATION.clientId, client_secret: INTEGRATION.clientSecret }, {}],
    [{}, { authorization: `Basic ${basic}` }],
  ]) {
    const answer = await fetch('https://auth.commercelayer.io/oauth/token', {
      method: 'POST',
      headers,
      body: new URLSearchParams({ grant_type: 'client_credentials', ...body }),
    })
    assert.equal(answer.status, 200)
    const { access_token, token_type, expires_in, created_at, scope } = await answer.json()
    assert.ok(access_token && expires_in && created_at)
    assert.deepEqual([token_type, scope], ['bearer', 'market:all'])
  }
})

test('sales channel: needs no secret, and a market in its scope', async () => {
  assert.equal((await ask(SALES)).scope, SALES.scope)
  const { errors } = await ask({ clientId: SALES.clientId })
  assert.equal(errors[0].status, 400)
})

test('sales channel: lives for four hours', async () => {
  assert.ok((await ask(SALES)).expiresIn > 14_300)
})

test('sales channel: may not write the catalogue', async () => {
  const cl = await client({ accessToken: await token(SALES) })
  const error = await refusal(401, cl.shipping_categories.create({ name: 'x' }))
  assert.equal(error.first().code, 'UNAUTHORIZED')
  assert.equal(error.first().title, 'Access denied')
})

test('sales channel: may not see webhooks', async () => {
  const cl = await client({ accessToken: await token(SALES) })
  await refusal(401, cl.webhooks.list())
})

test('sales channel: may make an order and customers', async () => {
  const all = new Maker(await client())
  const cl = await client({ accessToken: await token(SALES) })
  const order = await cl.orders.create({ market: await all.some('markets'), customer_email: 'sales@example.com' })
  assert.equal(order.type, 'orders')
})

test('read-only integration: reads and does not write', async () => {
  const cl = await client({ accessToken: await token(READER) })
  assert.equal((await cl.markets.list()).length >= 1, true)
  await refusal(401, cl.shipping_categories.create({ name: 'x' }))
})

test('token: its claims', async () => {
  const { header, payload } = jwtDecode(await token())
  assert.equal(header.alg, 'RS512')
  assert.ok(header.kid)
  assert.equal(payload.organization.slug, ORGANIZATION)
  assert.equal(payload.application.kind, 'integration')
  assert.equal(payload.application.client_id, INTEGRATION.clientId)
  assert.deepEqual([payload.application.public, payload.application.confidential], [false, true])
  assert.equal(payload.scope, 'market:all')
  assert.equal(payload.test, true)
  assert.equal(payload.iss, 'https://auth.commercelayer.io')
  assert.ok(payload.exp - payload.iat >= 7_200)
})

test('token: tells its kind', async () => {
  const [integration, sales] = [jwtDecode(await token()), jwtDecode(await token(SALES))]
  assert.ok(jwtIsIntegration(integration.payload) && !jwtIsSalesChannel(integration.payload))
  assert.ok(jwtIsSalesChannel(sales.payload))
})

test('token: is signed with the key that the server publishes', async () => {
  const verified = await jwtVerify(await token())
  assert.equal(verified.payload.organization.slug, ORGANIZATION)
})

test('token: another signature does not verify', async () => {
  const [one, two] = [await token(), await token(READER)]
  const forged = [...one.split('.').slice(0, 2), two.split('.')[2]].join('.')
  await assert.rejects(jwtVerify(forged), InvalidTokenError)
  assert.equal((await raw('GET', 'skus', { accessToken: forged })).status, 401)
})

test('token: an old one does not verify', async () => {
  await control('PATCH', 'clock', { offset: -100_000 })
  await control('PATCH', 'settings', { reuse_tokens: false })
  const old = await token()
  await control('PATCH', 'clock', { offset: 0 })
  await control('PATCH', 'settings', { reuse_tokens: true })
  await assert.rejects(jwtVerify(old), TokenExpiredError)
  assert.equal((await raw('GET', 'skus', { accessToken: old })).body.errors[0].code, 'INVALID_TOKEN')
})

test('token: tells where the API is', async () => {
  assert.equal(getCoreApiBaseEndpoint(await token()), `https://${ORGANIZATION}.commercelayer.io`)
})

test('token: another organization refuses it', async () => {
  const cl = await client({ organization: 'acme' })
  const error = await refusal(401, cl.skus.list())
  assert.equal(error.first().code, 'INVALID_TOKEN')
})

test('organizations share nothing', async () => {
  const acme = await client({
    organization: 'acme',
    accessToken: await token({ clientId: 'acme-client', clientSecret: 'acme-secret' }),
  })
  assert.equal((await acme.organization.retrieve()).slug, 'acme')
  assert.equal(await acme.markets.count(), 0)
})

test('test and live mode share nothing', async () => {
  const accessToken = await token({ clientId: 'demo-live-client', clientSecret: 'demo-secret' })
  assert.equal(jwtDecode(accessToken).payload.test, false)
  const live = await client({ accessToken })
  assert.equal(await live.markets.count(), 0)
})

test('revoke: the token is no good any more', async () => {
  const credential = { ...INTEGRATION, scope: 'market:code:europe' }
  const accessToken = await token(credential)
  const cl = await client({ accessToken })
  await cl.markets.list()
  assert.deepEqual(await revoke({ ...INTEGRATION, token: accessToken }), {})
  const error = await refusal(401, cl.markets.list())
  assert.deepEqual(error.errors, [
    {
      title: 'Invalid token',
      detail: 'The access token you provided is invalid.',
      code: 'INVALID_TOKEN',
      status: '401',
    },
  ])
  assert.notEqual(await token(credential), accessToken)
})

test('revoke: a stranger may not', async () => {
  const accessToken = await token()
  const { errors } = await revoke({ ...INTEGRATION, clientSecret: 'wrong', token: accessToken })
  const [{ title, code, status }] = errors
  assert.deepEqual([title, code, status], ['unauthorized_client', 'FORBIDDEN', 403])
  assert.equal((await raw('GET', 'skus', { accessToken })).status, 200)
})

test('makeIntegration: keeps its token, and asks again when it is gone', async () => {
  const kept = new Map()
  const storage = {
    getItem: async (key) => kept.get(key) ?? null,
    setItem: async (key, value) => void kept.set(key, value),
    removeItem: async (key) => void kept.delete(key),
  }
  const integration = makeIntegration({ ...INTEGRATION, debug: undefined }, { storage })
  const first = await integration.getAuthorization()
  const second = await integration.getAuthorization()
  assert.equal(second.accessToken, first.accessToken)
  assert.equal(first.ownerType, 'guest')
  await integration.removeAuthorization()
  await integration.revokeAuthorization?.()
  assert.ok((await integration.getAuthorization()).accessToken)
})

test('makeSalesChannel: is a guest', async () => {
  const kept = new Map()
  const storage = {
    getItem: async (key) => kept.get(key) ?? null,
    setItem: async (key, value) => void kept.set(key, value),
    removeItem: async (key) => void kept.delete(key),
  }
  const channel = makeSalesChannel(SALES, { storage })
  const authorization = await channel.getAuthorization()
  assert.equal(authorization.ownerType, 'guest')
  assert.equal(authorization.scope, SALES.scope)
})

test('singletons: the organization and the application of the token', async () => {
  const cl = await client()
  const organization = await cl.organization.retrieve({ fields: ['slug', 'name'] })
  assert.equal(organization.slug, ORGANIZATION)
  const application = await cl.application.retrieve()
  assert.equal(application.kind, 'integration')
  assert.equal(application.id, jwtDecode(await token()).payload.application.id)
})
