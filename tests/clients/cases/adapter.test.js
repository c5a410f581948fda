/** The `fetch` of docs/sdk.md, up to the wire: what it sends, and whether the signature is right. */

import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { CommerceLayer } from '@commercelayer/sdk/bundle'
import { connectorFetch } from '../adapter.js'
import { refusal } from '../kit.js'

const KEYS = { region: 'eu-west-1', accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret/+key' }

let server, api, received, answer
before(async () => {
  server = createServer(async (request, response) => {
    const parts = []
    for await (const part of request) parts.push(part)
    received.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(parts).toString() })
    response.writeHead(answer.status, { 'content-type': 'application/vnd.api+json' }).end(JSON.stringify(answer.body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  api = `http://127.0.0.1:${server.address().port}`
})
after(() => {
  server.closeAllConnections()
  server.close()
})

function sdk(more = {}) {
  received = []
  answer = { status: 200, body: { data: [], meta: { record_count: 0, page_count: 0 } } }
  const fetch = connectorFetch({ api, instance: 'shop-eu', ...KEYS, ...more })
  return CommerceLayer({ organization: 'demo', accessToken: 'e30.e30.', fetch })
}

/** As AWS checks it: from the request as it arrived. */
function signature({ method, url, headers, body }, { secretAccessKey, region }) {
  const [, scope, signed] = headers.authorization.match(/Credential=[^/]+\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=/)
  const [path, query = ''] = url.split('?')
  const sha = (text) => createHash('sha256').update(text).digest('hex')
  const encoded = (text) => encodeURIComponent(decodeURIComponent(text)).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const canonical = [
    method,
    path.split('/').map(encodeURIComponent).join('/'),
    query.split('&').filter(Boolean).map((pair) => pair.split('=').map(encoded).join('=')).sort().join('&'),
    ...signed.split(';').map((name) => `${name}:${headers[name].trim()}`),
    '',
    signed,
    headers['x-amz-content-sha256'] ?? sha(body),
  ].join('\n')
  const sign = (key, text) => createHmac('sha256', key).update(text).digest()
  const [day] = scope.split('/')
  const key = [day, region, 'execute-api', 'aws4_request'].reduce(sign, `AWS4${secretAccessKey}`)
  return sign(key, ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha(canonical)].join('\n')).toString('hex')
}

const sent = (request) => request.headers.authorization.match(/Signature=(\w+)/)[1]

test('adapter: a list goes to the instance, signed', async () => {
  await sdk().orders.list({ filters: { status_eq: 'placed', number_in: ['1', '2'] }, sort: ['-id'] })
  const [request] = received
  assert.equal(request.method, 'GET')
  assert.ok(request.url.startsWith('/instances/shop-eu/api/orders?'))
  assert.match(request.headers.authorization, /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/execute-api\/aws4_request/)
  assert.equal(request.headers.accept, 'application/vnd.api+json')
  assert.equal(sent(request), signature(request, KEYS))
})

test('adapter: a query with blanks, signs and umlauts is signed as it is sent', async () => {
  await sdk().skus.list({ filters: { name_eq: 'a b+c&d=e %20 (ü) *!\'~' } })
  const [request] = received
  assert.equal(new URLSearchParams(request.url.split('?')[1]).get('filter[q][name_eq]'), 'a b+c&d=e %20 (ü) *!\'~')
  assert.ok(!request.url.includes('+'))
  assert.equal(sent(request), signature(request, KEYS))
})

test('adapter: a body goes along as it is', async () => {
  const cl = sdk()
  answer = { status: 201, body: { data: { type: 'skus', id: 'abc', attributes: { code: 'Ä' } } } }
  assert.equal((await cl.skus.create({ code: 'Ä', name: 'ß' })).code, 'Ä')
  const [request] = received
  assert.deepEqual(JSON.parse(request.body).data.attributes, { code: 'Ä', name: 'ß' })
  assert.equal(request.headers['content-type'], 'application/vnd.api+json')
  assert.equal(sent(request), signature(request, KEYS))
})

test('adapter: temporary credentials carry their session token', async () => {
  await sdk({ sessionToken: 'session' }).skus.list()
  const [request] = received
  assert.equal(request.headers['x-amz-security-token'], 'session')
  assert.match(request.headers.authorization, /SignedHeaders=[^,]*x-amz-security-token/)
  assert.equal(sent(request), signature(request, KEYS))
})

test('adapter: nothing is sent twice', async () => {
  for (const status of [429, 500, 503]) {
    const cl = sdk()
    answer = { status, body: { title: 'Not now', status } }
    await refusal(status, cl.skus.create({ code: 'A', name: 'B' }))
    assert.equal(received.length, 1)
  }
})

test('adapter: a problem of the connector is an ApiError', async () => {
  const cl = sdk()
  answer = { status: 404, body: { errors: [{ title: 'Unknown instance', code: 'not-found', status: '404' }] } }
  const error = await refusal(404, cl.skus.list())
  assert.equal(error.first().code, 'not-found')
})
