/**
 * Sends what the official clients ask of *.commercelayer.io to the simulator instead.
 *
 *     SIMULATOR_URL=http://127.0.0.1:4010 node --import ./preload.js …
 *
 * The clients stay as they are published: only where the connection goes is changed. The host
 * that was meant travels in `x-forwarded-host`, because one simulator holds several organizations.
 */

import { webcrypto } from 'node:crypto'

// The clients ask for Node 20; all that Node 18 lacks is this in plain sight.
globalThis.crypto ??= webcrypto

const DOMAIN = '.commercelayer.io'
// Hosts of other APIs than the Core API; no organization has such a slug.
const ELSEWHERE = ['provisioning', 'core', 'data', 'dashboard']

const simulator = process.env.SIMULATOR_URL
const untouched = globalThis.fetch

if (simulator) {
  globalThis.fetch = async (resource, options) => {
    const asked = new URL(resource instanceof Request ? resource.url : resource)
    if (!asked.hostname.endsWith(DOMAIN)) return untouched(resource, options)
    if (ELSEWHERE.includes(asked.hostname.slice(0, -DOMAIN.length)) || asked.pathname.startsWith('/metrics')) {
      throw new TypeError(`the simulator does not speak for ${asked.host}${asked.pathname}`)
    }
    const request = new Request(resource, options)
    const headers = new Headers(request.headers)
    headers.set('x-forwarded-host', asked.host)
    const url = new URL(asked.pathname + asked.search, simulator)
    return untouched(url, { method: request.method, headers, body: options?.body, signal: request.signal })
  }
}
