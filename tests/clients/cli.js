/** The official CLI: each command a process of its own, in a home of its own. */

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const PROGRAM = here('./node_modules/@commercelayer/cli/bin/run.js')
const PLUGINS = ['cleanups', 'exports', 'imports', 'orders', 'resources', 'tags', 'triggers', 'webhooks']

export class Cli {
  constructor() {
    this.home = mkdtempSync(join(tmpdir(), 'cli-'))
    this.#install()
  }

  /** Leaves behind what `plugins:install` would, without a registry. */
  #install() {
    const data = join(this.home, 'data', '@commercelayer', 'cli')
    mkdirSync(data, { recursive: true })
    symlinkSync(here('./node_modules'), join(data, 'node_modules'))
    const plugins = PLUGINS.map((name) => ({ name: `@commercelayer/cli-plugin-${name}`, type: 'user', tag: 'latest' }))
    writeFileSync(join(data, 'package.json'), JSON.stringify({ private: true, oclif: { schema: 1, plugins } }))
  }

  close() {
    rmSync(this.home, { recursive: true })
  }

  /** A file in its home. */
  file(name, content) {
    const path = join(this.home, name)
    if (content !== undefined) writeFileSync(path, content)
    return path
  }

  /** Its exit code, and all that it said. */
  run(...words) {
    const env = {
      PATH: process.env.PATH,
      HOME: this.home,
      XDG_CONFIG_HOME: join(this.home, 'config'),
      XDG_DATA_HOME: join(this.home, 'data'),
      XDG_CACHE_HOME: join(this.home, 'cache'),
      NO_UPDATE_NOTIFIER: '1',
      SIMULATOR_URL: process.env.SIMULATOR_URL,
      NODE_OPTIONS: `--import ${new URL('./preload.js', import.meta.url)}`,
    }
    return new Promise((resolve) => {
      const done = (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, said: stripVTControlCharacters(stdout + stderr) })
      execFile(process.execPath, [PROGRAM, ...words], { env, timeout: 60_000, cwd: this.home }, done)
    })
  }

  /** What a command must say that must succeed. */
  async ok(...words) {
    const { code, said } = await this.run(...words)
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}:\n${said}`)
    return said
  }

  /** The JSON among what it says. */
  async json(...words) {
    const said = await this.ok(...words, '--json')
    const [start, end] = said.match(/^\s*\[/m) ? ['[', ']'] : ['{', '}']
    return JSON.parse(said.slice(said.indexOf(start), said.lastIndexOf(end) + 1))
  }

  login(client = 'demo-client') {
    return this.ok('applications:login', '-o', 'demo', '-i', client, '-s', 'demo-secret', '-a', 'demo')
  }
}
