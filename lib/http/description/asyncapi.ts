import type { Config } from '../../config/index.ts'
import { appExchange, WORK_KEY, workExchange } from '../../queue/topology.ts'
import { nameSchemas } from './components.ts'
import { describeMessage, EVENT_MESSAGES, FROM_CLIENT, TO_CLIENT, WORK_MESSAGES } from './messages.ts'

const MESSAGES = { ...FROM_CLIENT, ...TO_CLIENT, ...EVENT_MESSAGES, ...WORK_MESSAGES }

type Kinds = typeof MESSAGES

/** The messages of a channel, by name. */
const messagesOf = (...kinds: Kinds[]) =>
  Object.fromEntries(
    kinds
      .flatMap((kind) => Object.keys(kind))
      .map((name) => [name, { $ref: `#/components/messages/${name}` }]),
  )

/** What the service does with messages of a channel: `send` or `receive`. */
const operation = (action: 'send' | 'receive', channel: string, kinds: Kinds, summary: string) => ({
  action,
  channel: { $ref: `#/channels/${channel}` },
  summary,
  messages: Object.keys(kinds).map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` })),
})

const SOCKET = { ...TO_CLIENT, ...EVENT_MESSAGES }

/** The messages of sockets, event streams and queues, as AsyncAPI 3 has them. */
export function asyncApi({ publicUrl, queueName, rabbitmqUrl }: Config) {
  const { host, pathname, protocol } = new URL(publicUrl)
  const broker = new URL(rabbitmqUrl ?? 'amqp://localhost')
  const onSockets = [{ $ref: '#/servers/sockets' }]
  const onBroker = [{ $ref: '#/servers/broker' }]
  return nameSchemas({
    asyncapi: '3.0.0',
    info: {
      title: 'Photo processor: sockets and queues',
      version: '1',
      description:
        'Events are delivered at least once, in the order of each photo; handle each `id` once. `/openapi.json` describes the rest.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: {
      sockets: {
        host,
        ...(pathname !== '/' && { pathname }),
        protocol: protocol === 'https:' ? 'wss' : 'ws',
        description: 'This service, for WebSockets and Server-Sent Events',
      },
      broker: {
        host: broker.host,
        protocol: 'amqp',
        protocolVersion: '0.9.1',
        description: 'RabbitMQ, where the service has one: `RABBITMQ_URL`',
      },
    },
    channels: {
      socket: {
        address: '/ws',
        summary: 'A WebSocket whose client subscribes to projects, photos, or all',
        servers: onSockets,
        messages: messagesOf(FROM_CLIENT, SOCKET),
        bindings: { ws: { method: 'GET' } },
      },
      projectEvents: {
        address: '/projects/{id}/events',
        summary: 'The events of a project: Server-Sent Events, or a WebSocket on upgrade',
        servers: onSockets,
        parameters: { id: { description: 'Id of the project' } },
        messages: messagesOf(FROM_CLIENT, SOCKET),
        bindings: { ws: { method: 'GET' } },
      },
      work: {
        address: queueName,
        summary: `Photos that are to be processed; published to the exchange ${workExchange(queueName)} with the key ${WORK_KEY}`,
        servers: onBroker,
        messages: messagesOf(WORK_MESSAGES),
        bindings: {
          amqp: {
            is: 'queue',
            queue: { name: queueName, durable: true, exclusive: false, autoDelete: false },
          },
        },
      },
      events: {
        address: appExchange(queueName),
        summary: 'Every event, by its type as routing key',
        servers: onBroker,
        messages: messagesOf(EVENT_MESSAGES),
        bindings: {
          amqp: {
            is: 'routingKey',
            exchange: { name: appExchange(queueName), type: 'topic', durable: true, autoDelete: false },
          },
        },
      },
    },
    operations: {
      receiveSubscriptions: operation('receive', 'socket', FROM_CLIENT, 'Take what a client subscribes to'),
      sendToSocket: operation('send', 'socket', SOCKET, 'Send events, and answers to what the client sent'),
      receiveProjectSubscriptions: operation(
        'receive',
        'projectEvents',
        FROM_CLIENT,
        'Take more subscriptions',
      ),
      sendProjectEvents: operation('send', 'projectEvents', SOCKET, 'Send the events of the project'),
      receiveWork: operation('receive', 'work', WORK_MESSAGES, 'Process the photo'),
      sendWork: operation('send', 'work', WORK_MESSAGES, 'Queue a photo'),
      publishEvents: operation('send', 'events', EVENT_MESSAGES, 'Publish what happened'),
    },
    components: {
      messages: Object.fromEntries(
        Object.entries(MESSAGES).map(([name, kind]) => [name, describeMessage(name, kind)]),
      ),
    },
  })
}
