import { AwsClient } from 'aws4fetch'

/** A `fetch` for the SDK that asks the connector instead of Commerce Layer, signed for AWS. */
export function connectorFetch({ api, instance, region, accessKeyId, secretAccessKey, sessionToken }) {
  // No retries of its own: the SDK's caller decides what may be sent twice.
  const aws = new AwsClient({ accessKeyId, secretAccessKey, sessionToken, region, service: 'execute-api', retries: 0 })
  return async (resource, options) => {
    const { pathname, search } = new URL(resource)
    const headers = new Headers(options.headers)
    headers.delete('authorization') // the signature takes its place
    // SigV4 knows a space as %20 alone.
    const url = `${api}/instances/${instance}${pathname}${search.replaceAll('+', '%20')}`
    return aws.fetch(url, { ...options, headers })
  }
}
