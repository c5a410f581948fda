import { writeSync } from 'node:fs'

/**
 * One line of JSON a case, for the Python side: its name, whether it passed, and why not.
 * FAIL_FAST ends the run with the first one that failed.
 */
export default async function* lines(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    // A group of cases, or the file itself, is no case.
    if (data.details.type === 'suite' || data.skip === undefined && data.details.error?.failureType === 'subtestsFailed') continue
    const error = data.details.error?.cause ?? data.details.error
    const outcome = data.skip !== undefined ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed'
    const reason = data.skip ?? (error ? explained(error) : '')
    const line = `${JSON.stringify({ name: data.name, outcome, reason })}\n`
    if (outcome === 'failed' && process.env.FAIL_FAST) {
      writeSync(1, line)
      process.exit(1)
    }
    yield line
  }
}

function explained(error) {
  const answered = error.errors ? ` ${JSON.stringify(error.errors)}` : ''
  return `${error.stack ?? error}${answered}`
}
