/** What every case stands on: clients, and records that are the case's own. */

import assert from 'node:assert/strict'
import { authenticate } from '@commercelayer/js-auth'
import { CommerceLayer } from '@commercelayer/sdk/bundle'
import { documents } from './documents.js'

export const ORGANIZATION = 'demo'
export const INTEGRATION = { clientId: 'demo-client', clientSecret: 'demo-secret' }

/** Cases that reach for the switches of the simulator, or for its token endpoint, need it alone. */
export const direct = !process.env.API
export const onlyDirect = direct ? {} : { skip: 'the connector stands between client and API' }

const prefix = `${process.pid.toString(36)}${Date.now().toString(36)}`
let count = 0

/** A name that nothing else in this organization has. */
export const unique = (stem = 'x') => `${stem}-${prefix}-${++count}`

export async function token(options = INTEGRATION) {
  const answer = await authenticate('client_credentials', options)
  assert.equal(answer.errors, undefined)
  return answer.accessToken
}

/** The SDK, as an integration. Behind the connector it signs instead of carrying a token. */
export async function client(options = {}) {
  if (direct) return CommerceLayer({ accessToken: await token(), ...options })
  const { connectorFetch } = await import('./adapter.js')
  return CommerceLayer({
    organization: ORGANIZATION,
    accessToken: 'e30.e30.',
    timeout: 30_000,
    fetch: connectorFetch({
      api: process.env.API,
      instance: process.env.INSTANCE,
      region: process.env.AWS_REGION,
      accessKeyId: process.env.AWS_ACCESS_KEY_ID,
      secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
      sessionToken: process.env.AWS_SESSION_TOKEN,
    }),
    ...options,
  })
}

/** Makes records of any type, with whatever they cannot be without. */
export class Maker {
  #shared = new Map()
  #shop

  constructor(cl) {
    this.cl = cl
  }

  /** A minimal valid document, as the SDK takes it. */
  async document(type, given = {}) {
    return { ...(await documents[type]?.(this, given)), ...given }
  }

  async create(type, given = {}, params) {
    return this.cl[type].create(await this.document(type, given), params)
  }

  /** A new one, as a relationship. */
  async a(type, given) {
    return link(await this.create(type, given))
  }

  /** One that others of this file may use as well. */
  async some(type) {
    if (!this.#shared.has(type)) this.#shared.set(type, this.a(type))
    return this.#shared.get(type)
  }

  /** One that can sell, opened when it is first needed. */
  shop() {
    this.#shop ??= import('./shop.js').then(({ Shop }) => new Shop(this.cl).open())
    return this.#shop
  }
}

export const link = ({ type, id }) => ({ type, id })

// The SDK's lists make lists of their own kind when they are mapped.
export const ids = (records) => Array.from(records, ({ id }) => id)

/** The error of a call that must be refused by the API, with this status. */
export async function refusal(status, call) {
  try {
    await call
  } catch (error) {
    assert.equal(error.name, 'ApiError', error.stack)
    assert.equal(error.status, status, JSON.stringify(error.errors))
    return error
  }
  return assert.fail(`was not refused with ${status}`)
}

/** A 422 with one object for that pointer and that validation. */
export async function invalid(pointer, key, call) {
  const { errors } = await refusal(422, call)
  const found = errors.find((each) => each.source?.pointer === pointer)
  assert.ok(found, `${pointer} is not in ${JSON.stringify(errors)}`)
  assert.equal(found.code, 'VALIDATION_ERROR')
  assert.equal(found.meta.error, key)
  return found
}

/** A 400 with that code. */
export async function bad(code, call) {
  const error = await refusal(400, call)
  assert.equal(error.first().code, code)
  return error
}

/** The switches of the simulator. */
export async function control(method, path, body) {
  const url = new URL(`/_simulator/${path}`, process.env.SIMULATOR_URL)
  const answer = await fetch(url, { method, body: body && JSON.stringify(body) })
  assert.equal(answer.status, 200, await answer.clone().text())
  return answer.json()
}

/** A request past the SDK, for what it would never send. */
export async function raw(method, path, { headers = {}, body, accessToken } = {}) {
  const answer = await fetch(`https://${ORGANIZATION}.commercelayer.io/api/${path}`, {
    method,
    body: typeof body === 'string' ? body : body && JSON.stringify(body),
    headers: {
      accept: 'application/vnd.api+json',
      'content-type': 'application/vnd.api+json',
      authorization: `Bearer ${accessToken ?? (await token())}`,
      ...headers,
    },
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text, body: text ? JSON.parse(text) : undefined }
}

/** Asks until it holds. Jobs and webhooks take their time. */
export async function until(ask, holds, what = 'it', milliseconds = 10_000) {
  const end = Date.now() + milliseconds
  for (;;) {
    const found = await ask()
    if (holds(found)) return found
    assert.ok(Date.now() < end, `${what} did not come about: ${JSON.stringify(found)}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
