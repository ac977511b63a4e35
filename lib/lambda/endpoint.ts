import awsLambdaFastify from '@fastify/aws-lambda'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda'
import { openApp } from '../app.ts'
import type { AnyEndpoint } from '../function.ts'
import { openServer } from '../http/bare-server.ts'
import { mount } from '../http/mount.ts'
import { formats } from '../imaging/formats.ts'
import { once } from '../once.ts'
import { readFunctionConfig } from './config.ts'

export type HttpHandler = (
  event: APIGatewayProxyEventV2,
  context: Context,
) => Promise<APIGatewayProxyStructuredResultV2>

/** An endpoint as a Lambda handler for API Gateway HTTP API events (payload 2.0); opens nothing before the first. */
export function lambda(endpoint: AnyEndpoint): HttpHandler {
  const opened = once(() => open(endpoint))
  return async (event, context) => {
    if (event?.version !== '2.0' || !event.requestContext?.http)
      throw new TypeError('This function takes API Gateway HTTP API events (payload 2.0)')
    return (await opened())(event, context)
  }
}

async function open(endpoint: AnyEndpoint): Promise<HttpHandler> {
  const app = await openApp(readFunctionConfig(process.env))
  const server = openServer(app)
  mount(server, [endpoint], app)
  const proxy = awsLambdaFastify(server, {
    decorateRequest: false,
    serializeLambdaArguments: false,
    parseCommaSeparatedQueryParams: false,
    binaryMimeTypes: [
      ...Object.values(formats).map(({ contentType }) => contentType),
      'application/octet-stream',
    ],
  })
  await server.ready()
  return (event, context) => proxy(event, context) as Promise<APIGatewayProxyStructuredResultV2>
}
