/** An endpoint on this machine that webhooks are sent to. */

import { createServer } from 'node:http'
import { once } from 'node:events'
import { until } from './kit.js'

export class Receiver {
  received = []
  status = 200

  async open() {
    this.server = createServer(async (request, response) => {
      const parts = []
      for await (const part of request) parts.push(part)
      this.received.push({ path: request.url, headers: request.headers, body: Buffer.concat(parts).toString('utf-8') })
      response.writeHead(this.status).end()
    }).listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    this.url = `http://127.0.0.1:${this.server.address().port}`
    return this
  }

  close() {
    this.server.closeAllConnections()
    this.server.close()
  }

  /** What has come to that path, once there are that many. */
  async at(path, count = 1) {
    const there = () => this.received.filter((each) => each.path === path)
    return until(there, (found) => found.length >= count, `${count} at ${path}`)
  }
}
