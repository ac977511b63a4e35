import { stringify } from 'yaml'
import { DEFAULT_QUEUE_NAME, DUPLICATE_HANDLING, readConfig } from '../../lib/config/index.ts'
import { notificationsQueue } from '../../lib/queue/topology.ts'
import type { FunctionFile } from './functions.ts'

/** Seconds between two runs of a schedule: EventBridge knows minutes only. */
const MINUTE_MS = 60_000

/** As `readConfig` has them. */
const { thumbnailSize, duplicateHandling } = readConfig({})

const OPTIONAL = { Type: 'String', NoEcho: true, Default: '' } as const

/** What the functions read from their environment, as parameters of the stack. */
const PARAMETERS = {
  DatabaseUrl: { variable: 'DATABASE_URL', Type: 'String', NoEcho: true, Description: 'postgres://…' },
  RabbitmqUrl: { variable: 'RABBITMQ_URL', Type: 'String', NoEcho: true, Description: 'amqps://…' },
  PublicUrl: {
    variable: 'PUBLIC_URL',
    Type: 'String',
    Default: '',
    Description: 'Base of the URLs handed out',
  },
  CorsOrigins: {
    variable: 'CORS_ORIGINS',
    Type: 'String',
    Default: '',
    Description: 'Origins of web pages that may call; name them in the CORS settings of the API, too',
  },
  AdminKey: {
    variable: 'ADMIN_KEY',
    ...OPTIONAL,
    Description: 'pp_<id>_<secret>, which makes the other keys; without any, every request is answered 401',
  },
  Secret: { variable: 'SECRET', ...OPTIONAL, Description: 'Encrypts the signing keys in the database' },
  QueueName: { variable: 'QUEUE_NAME', Type: 'String', Default: DEFAULT_QUEUE_NAME },
  RedisUrl: { variable: 'REDIS_URL', ...OPTIONAL, Description: 'redis://…, the cache of images' },
  WebhookUrls: { variable: 'WEBHOOK_URLS', ...OPTIONAL, Description: 'Receivers of events' },
  WebhookSecret: { variable: 'WEBHOOK_SECRET', ...OPTIONAL, Description: 'whsec_…' },
  SmtpUrl: { variable: 'SMTP_URL', ...OPTIONAL, Description: 'smtp://…, the mail server for failures' },
  NotifyEmail: { variable: 'NOTIFY_EMAIL', ...OPTIONAL, Description: 'Receiver of these mails' },
  ThumbnailSize: { variable: 'THUMBNAIL_SIZE', Type: 'Number', Default: thumbnailSize },
  DuplicateHandling: {
    variable: 'DUPLICATE_HANDLING',
    Type: 'String',
    Default: duplicateHandling,
    AllowedValues: DUPLICATE_HANDLING,
  },
  ExifGps: { variable: 'EXIF_GPS', Type: 'String', Default: 'false', AllowedValues: ['true', 'false'] },
  BucketName: { variable: 'S3_BUCKET', Type: 'String', Description: 'Of the bucket that the stack makes' },
} as const

const BROKER_PARAMETERS = {
  BrokerArn: { Type: 'String', Description: 'ARN of the Amazon MQ for RabbitMQ broker' },
  BrokerSecretArn: { Type: 'String', Description: 'Secret with its user name and password' },
  SubnetIds: {
    Type: 'CommaDelimitedList',
    Description: 'Where database, broker and file system are reached',
  },
  SecurityGroupIds: { Type: 'CommaDelimitedList' },
}

/** Memory in MB and timeout in s by kind: one 12 megapixel photo takes 700 MB and seconds, an endpoint milliseconds. */
const RESOURCES = {
  endpoint: { MemorySize: 512, Timeout: 10 },
  consumer: { MemorySize: 2048, Timeout: 120 },
  schedule: { MemorySize: 512, Timeout: 50 },
} as const

const BUCKET = {
  Type: 'AWS::S3::Bucket',
  Properties: {
    BucketName: { Ref: 'BucketName' },
    CorsConfiguration: {
      CorsRules: [
        {
          AllowedOrigins: ['*'],
          AllowedMethods: ['POST', 'GET', 'HEAD'],
          AllowedHeaders: ['*'],
          ExposedHeaders: ['ETag'],
        },
      ],
    },
  },
}

/** As in lib/queue/topology.ts. */
const NOTIFICATIONS = {
  'Fn::If': [
    'DefaultQueueName',
    notificationsQueue(DEFAULT_QUEUE_NAME),
    { 'Fn::Join': ['.', [{ Ref: 'QueueName' }, notificationsQueue(DEFAULT_QUEUE_NAME)]] },
  ],
}

/** An AWS SAM template that deploys the bundles as they lie in `dist/`, made from the functions' own definitions. */
export function template(functions: readonly FunctionFile[]): string {
  const parameters = Object.entries(PARAMETERS).map(([name, { variable, ...parameter }]) => [name, parameter])
  const environment = Object.entries(PARAMETERS).map(([name, { variable }]) => [variable, { Ref: name }])
  return stringify(
    {
      AWSTemplateFormatVersion: '2010-09-09',
      Transform: 'AWS::Serverless-2016-10-31',
      Description: 'Asynchronous photo processing',
      Parameters: { ...Object.fromEntries(parameters), ...BROKER_PARAMETERS },
      Conditions: { DefaultQueueName: { 'Fn::Equals': [{ Ref: 'QueueName' }, DEFAULT_QUEUE_NAME] } },
      Globals: {
        Function: {
          Runtime: 'nodejs24.x',
          Architectures: ['arm64'],
          Handler: 'index.handler',
          Environment: { Variables: Object.fromEntries(environment) },
          VpcConfig: { SubnetIds: { Ref: 'SubnetIds' }, SecurityGroupIds: { Ref: 'SecurityGroupIds' } },
        },
      },
      Resources: {
        Bucket: BUCKET,
        ...Object.fromEntries(functions.map((each) => [logicalId(each.name), resource(each)])),
      },
      Outputs: { Url: { Value: { 'Fn::GetAtt': ['ServerlessHttpApi', 'ApiEndpoint'] } } },
    },
    { aliasDuplicateObjects: false, lineWidth: 0 },
  )
}

function resource(each: FunctionFile) {
  return {
    Type: 'AWS::Serverless::Function',
    Properties: {
      CodeUri: each.name,
      ...RESOURCES[each.kind],
      Policies: [{ S3CrudPolicy: { BucketName: { Ref: 'BucketName' } } }],
      Events: eventsOf(each),
    },
  }
}

function eventsOf(each: FunctionFile) {
  if (each.kind === 'endpoint') {
    const { method, path } = each.definition
    const route = (Method: string) => ({ Type: 'HttpApi', Properties: { Method, Path: gatewayPath(path) } })
    return { Http: route(method), ...(method === 'GET' && { Head: route('HEAD') }) }
  }
  if (each.kind === 'schedule') {
    const minutes = Math.max(1, Math.round(each.definition.every(readConfig({})) / MINUTE_MS))
    const rate = minutes === 1 ? 'rate(1 minute)' : `rate(${minutes} minutes)`
    return { Schedule: { Type: 'Schedule', Properties: { Schedule: rate } } }
  }
  if (each.definition.from === 'uploads') {
    const Filter = { S3Key: { Rules: [{ Name: 'prefix', Value: 'originals/' }] } }
    return {
      Upload: { Type: 'S3', Properties: { Bucket: { Ref: 'Bucket' }, Events: 's3:ObjectCreated:*', Filter } },
    }
  }
  return {
    Queue: {
      Type: 'MQ',
      Properties: {
        Broker: { Ref: 'BrokerArn' },
        Queues: [each.definition.from === 'notifications' ? NOTIFICATIONS : { Ref: 'QueueName' }],
        BatchSize: 10,
        SourceAccessConfigurations: [
          { Type: 'BASIC_AUTH', URI: { Ref: 'BrokerSecretArn' } },
          { Type: 'VIRTUAL_HOST', URI: '/' },
        ],
      },
    },
  }
}

/** `/photos/:uuid` is `/photos/{uuid}` there, `/files/*` is `/files/{proxy+}`. */
export const gatewayPath = (path: string) => path.replace(/:(\w+)/g, '{$1}').replace(/\*$/, '{proxy+}')

const logicalId = (name: string) => name.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
