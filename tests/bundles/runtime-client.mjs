// A Lambda runtime in a few lines: takes events from the Runtime API, gives them to the handler, posts what it answers.
const { AWS_LAMBDA_RUNTIME_API: api, BUNDLE: bundle } = process.env
const base = `http://${api}/2018-06-01/runtime`

const post = (path, value) =>
  fetch(`${base}/${path}`, { method: 'POST', body: value === undefined ? '' : JSON.stringify(value) })

const describe = ({ name, message }) => ({ errorType: name, errorMessage: message })

let handler
try {
  handler = (await import(bundle)).handler
} catch (error) {
  await post('init/error', describe(error))
  process.exit(1)
}

for (;;) {
  const next = await fetch(`${base}/invocation/next`)
  const id = next.headers.get('lambda-runtime-aws-request-id')
  const deadline = Number(next.headers.get('lambda-runtime-deadline-ms'))
  const context = { awsRequestId: id, getRemainingTimeInMillis: () => deadline - Date.now() }
  try {
    await post(`invocation/${id}/response`, await handler(await next.json(), context))
  } catch (error) {
    await post(`invocation/${id}/error`, describe(error))
  }
}
