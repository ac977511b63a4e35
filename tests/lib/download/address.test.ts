import { describe, expect, it } from 'vitest'
import { isAllowed, parseAllowed } from '../../../lib/download/address.ts'

const REFUSED = {
  'this network': ['0.0.0.0', '0.0.0.1', '0.255.255.255'],
  loopback: ['127.0.0.1', '127.0.0.2', '127.255.255.255', '::1'],
  private: ['10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  'link local and metadata': [
    '169.254.0.1',
    '169.254.169.254',
    '169.254.170.2',
    'fe80::1',
    'febf::1',
    'fe80::1%lo',
  ],
  'carrier NAT, where one cloud keeps its metadata': ['100.64.0.1', '100.100.100.200', '100.127.255.255'],
  'the wire server of Azure': ['168.63.129.16', '::ffff:168.63.129.16'],
  'protocols and benchmarks': ['192.0.0.1', '192.0.0.170', '198.18.0.1', '198.19.255.255', '2001:2::1'],
  documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
  '6to4 relays': ['192.88.99.0', '192.88.99.1'],
  'AS112 and AMT': [
    '192.31.196.1',
    '192.52.193.1',
    '192.175.48.1',
    '2620:4f:8000::1',
    '2001:3::1',
    '2001:4:112::1',
  ],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1'],
  'reserved and broadcast': ['240.0.0.1', '255.255.255.254', '255.255.255.255'],
  unspecified: ['::', '0:0:0:0:0:0:0:0'],
  'unique and site local': ['fc00::1', 'fd00:ec2::254', 'fdff::1', 'fec0::1'],
  'IPv4 mapped': ['::ffff:10.0.0.1', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '0:0:0:0:0:ffff:7f00:1'],
  'IPv4 compatible': ['::127.0.0.1', '::7f00:1', '::8.8.8.8'],
  'IPv4 translated': ['::ffff:0:127.0.0.1', '::ffff:0:808:808'],
  NAT64: ['64:ff9b::a9fe:a9fe', '64:ff9b::7f00:1', '64:ff9b:1::a00:1', '64:ff9b:1:ffff::1'],
  '6to4': ['2002:7f00:1::', '2002:a9fe:a9fe::1', '2002:0808:0808::1'],
  Teredo: ['2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ISATAP: ['2606:4700::5efe:10.0.0.1', '2606:4700::200:5efe:7f00:1', 'fe80::5efe:127.0.0.1'],
  'discard, ORCHID, segment routing': ['100::1', '2001:10::1', '2001:20::1', '5f00::1'],
  'never assigned': ['1::1', '200::1', '400::1', '4000::1', '8000::1', 'e000::1'],
  'no address': [
    '',
    'localhost',
    '127.1',
    '0x7f.0.0.1',
    '2130706433',
    '0177.0.0.1',
    '[::1]',
    '8.8.8.8 ',
    '8.8.8.8:80',
  ],
}

const ALLOWED = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '168.63.129.15',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '::ffff:8.8.8.8',
  '2001:4860:4860::8888',
  '2606:4700::1111',
  '2a00:1450:4001::1',
]

describe('isAllowed', () => {
  describe.each(Object.entries(REFUSED))('refuses %s', (_, addresses) => {
    it.each(addresses)('%s', (address) => expect(isAllowed(address, [])).toBe(false))
  })

  it.each(ALLOWED)('allows %s', (address) => expect(isAllowed(address, [])).toBe(true))

  it.each([
    ['127.0.0.2', '127.0.0.0/8'],
    ['::ffff:127.0.0.2', '127.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['168.63.129.16', '168.63.129.16/32'],
    ['::1', '::1'],
    ['fd00::5', 'fd00::/8'],
    ['64:ff9b::808:808', '64:ff9b::/96'],
    ['192.168.1.1', '0.0.0.0/0'],
  ])('allows %s where %s is allowed', (address, cidr) => expect(isAllowed(address, [cidr])).toBe(true))

  it.each([
    ['127.0.0.2', '127.0.0.1/32'],
    ['11.0.0.1.', '11.0.0.0/8'],
    ['::1', '127.0.0.0/8'],
    ['::1', '0.0.0.0/0'],
    ['::127.0.0.1', '127.0.0.0/8'],
    ['127.0.0.1', '::/0'],
    ['64:ff9b::7f00:1', '127.0.0.0/8'],
  ])('still refuses %s where %s is allowed', (address, cidr) =>
    expect(isAllowed(address, [cidr])).toBe(false),
  )
})

it.each([
  [['127.0.0.1:80'], '127.0.0.1', { port: 80 }, true],
  [['127.0.0.1:80'], '127.0.0.1', { port: 81 }, false],
  [['127.0.0.1:80'], '127.0.0.1', {}, false],
  [['10.0.0.0/8:80', '10.1.0.0/16:81'], '10.1.2.3', { port: 81 }, true],
  [['10.0.0.0/8:80', '10.1.0.0/16:81'], '10.2.2.3', { port: 81 }, false],
  [['[::1]:80'], '::1', { port: 80 }, true],
  [['files.internal:80'], '10.1.2.3', { port: 80, name: 'FILES.internal' }, true],
  [['files.internal:80'], '10.1.2.3', { port: 80, name: 'other.internal' }, false],
  [['files.internal:80'], '10.1.2.3', { port: 81, name: 'files.internal' }, false],
  [['files.internal:80'], '10.1.2.3', { port: 80 }, false],
  [['127.0.0.1:80'], '8.8.8.8', { port: 443 }, true],
])('where %j is allowed, %s with %j is: %s', (allowed, address, target, expected) =>
  expect(isAllowed(address, allowed, target)).toBe(expected),
)

const read = (texts: string[]) =>
  parseAllowed(texts).map(
    ({ cidr, name, port }) => `${cidr ? cidr.join('/') : name}${port === undefined ? '' : ` ${port}`}`,
  )

describe('parseAllowed', () => {
  it('understands ranges and single addresses', () => {
    expect(read(['10.0.0.0/8', '127.0.0.1', '::1', 'fd00::/8', 'fd00::1:80'])).toEqual([
      '10.0.0.0/8',
      '127.0.0.1/32',
      '::1/128',
      'fd00::/8',
      'fd00::1:80/128',
    ])
  })

  it('understands ports of them, and of names', () => {
    expect(
      read(['10.0.0.0/8:443', '127.0.0.1:80', '[::1]:80', '[fd00::/8]:8080', 'Files.internal:9000']),
    ).toEqual(['10.0.0.0/8 443', '127.0.0.1/32 80', '::1/128 80', 'fd00::/8 8080', 'files.internal 9000'])
  })

  it.each([
    '',
    'private',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10/8',
    '::/129',
    '010.0.0.0/8',
    'localhost',
    'localhost:',
    'localhost:0',
    'localhost:65536',
    'localhost:http',
    '10.0.0.0/33:80',
    '999.0.0.1:80',
    '10.1:80',
    'a/8:80',
    ':80',
    '[::1]',
  ])('refuses %j', (text) => expect(() => parseAllowed([text])).toThrow('is no CIDR range'))
})
