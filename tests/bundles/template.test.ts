import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { findFunctions } from '../../scripts/build/functions.ts'
import { gatewayPath, template } from '../../scripts/build/template.ts'

type Resource = {
  Type: string
  Properties: {
    CodeUri: string
    MemorySize: number
    Timeout: number
    Events: Record<string, { Type: string; Properties: Record<string, unknown> }>
  }
}

const functions = await findFunctions()
const { Resources, Globals, Parameters } = parse(template(functions)) as {
  Resources: Record<string, Resource>
  Globals: { Function: { Handler: string; Environment: { Variables: Record<string, { Ref: string }> } } }
  Parameters: Record<string, object>
}
const deployed = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Serverless::Function')
const eventsOf = (name: string) =>
  Object.values(deployed.find(({ Properties }) => Properties.CodeUri === name)?.Properties.Events ?? {})
const eventOf = (name: string) => eventsOf(name)[0]

test('deploys every function from its own directory, with memory and time', () => {
  expect(deployed.map(({ Properties }) => Properties.CodeUri).sort()).toEqual(
    functions.map(({ name }) => name).sort(),
  )
  expect(Globals.Function.Handler).toBe('index.handler')
  for (const { Properties } of deployed) {
    expect(Properties.MemorySize).toBeGreaterThanOrEqual(512)
    expect(Properties.Timeout).toBeGreaterThanOrEqual(10)
  }
})

test('routes what each endpoint says it serves, and HEAD where GET is', () => {
  const endpoints = functions.filter((each) => each.kind === 'endpoint')
  expect(endpoints.length).toBeGreaterThan(10)
  for (const { name, definition } of endpoints) {
    const { method, path } = definition
    expect(eventsOf(name)).toEqual(
      [method, ...(method === 'GET' ? ['HEAD'] : [])].map((Method) => ({
        Type: 'HttpApi',
        Properties: { Method, Path: gatewayPath(path) },
      })),
    )
  }
  expect(gatewayPath('/photos/:uuid/x/:b')).toBe('/photos/{uuid}/x/{b}')
  expect(gatewayPath('/files/*')).toBe('/files/{proxy+}')
})

test('feeds the consumers from the broker and the bucket, and runs the schedules', () => {
  expect(eventOf('consumers-process-photo')).toMatchObject({
    Type: 'MQ',
    Properties: { Broker: { Ref: 'BrokerArn' }, Queues: [{ Ref: 'QueueName' }] },
  })
  expect(eventOf('consumers-notify')?.Properties.Queues).toEqual([
    {
      'Fn::If': [
        'DefaultQueueName',
        'photo-notifications',
        { 'Fn::Join': ['.', [{ Ref: 'QueueName' }, 'photo-notifications']] },
      ],
    },
  ])
  expect(eventOf('consumers-receive-upload')).toMatchObject({
    Type: 'S3',
    Properties: { Bucket: { Ref: 'Bucket' }, Events: 's3:ObjectCreated:*' },
  })
  for (const name of ['schedules-relay', 'schedules-sweep', 'schedules-deliver'])
    expect(eventOf(name)).toEqual({ Type: 'Schedule', Properties: { Schedule: 'rate(1 minute)' } })
})

test('gives the functions variables that are parameters of the stack', () => {
  const variables = Globals.Function.Environment.Variables
  expect(Object.keys(variables)).toEqual([
    'DATABASE_URL',
    'RABBITMQ_URL',
    'PUBLIC_URL',
    'CORS_ORIGINS',
    'ADMIN_KEY',
    'SECRET',
    'QUEUE_NAME',
    'REDIS_URL',
    'WEBHOOK_URLS',
    'WEBHOOK_SECRET',
    'SMTP_URL',
    'NOTIFY_EMAIL',
    'THUMBNAIL_SIZE',
    'DUPLICATE_HANDLING',
    'EXIF_GPS',
    'S3_BUCKET',
  ])
  for (const { Ref } of Object.values(variables)) expect(Parameters).toHaveProperty(Ref)
})
