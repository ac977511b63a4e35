import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** A range of addresses: its first address and the length of its prefix. */
type Cidr = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** Where Azure answers for the machine itself, though the range is a public one. */
const AZURE_WIRE_SERVER = '168.63.129.16'

/** Only addresses in here are routed on the public internet; all transition formats but 6to4 and Teredo lie outside. */
const GLOBAL_UNICAST: Cidr = [ipaddr.parse('2000::'), 3]

/** What may be reached though it is not public: a range, or all that a name stands for; without a port on all of them. */
type Allowed = { cidr?: Cidr; name?: string; port?: number }

/** Whether a download may reach a port of this address: it is a public one, or is allowed on purpose, itself or by the name that was looked up. */
export function isAllowed(
  address: string,
  allowed: readonly string[] = [],
  target: { port?: number; name?: string } = {},
): boolean {
  const ip = parse(address)
  if (!ip) return false
  return (
    isPublic(ip) ||
    parseAllowed(allowed).some(
      ({ cidr, name, port }) =>
        (port === undefined || port === target.port) &&
        (cidr ? contains(cidr, ip) : name === target.name?.toLowerCase()),
    )
  )
}

/** Ranges such as `10.0.0.0/8`, single addresses, and with a port `10.0.0.0/8:80`, `[::1]:80`, `files.internal:80`; throws on anything else. */
export const parseAllowed = (texts: readonly string[]): Allowed[] => texts.map(parseEntry)

function parseEntry(text: string): Allowed {
  const cidr = parseCidr(text)
  if (cidr) return { cidr }
  const [, place = '', digits = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  const range = parseCidr(withoutBrackets(place))
  if (port >= 1 && port <= 65_535 && range) return { cidr: range, port }
  if (port >= 1 && port <= 65_535 && NAME.test(place)) return { name: place.toLowerCase(), port }
  throw new Error(`${text} is no CIDR range, and no address, range or name with a port`)
}

/** A host name: its last label is no number, which would make it an address. */
const NAME = /^(?:[a-z0-9_-]+\.)*[a-z_-][a-z0-9_-]*$/i

function parseCidr(text: string): Cidr | undefined {
  const [address = '', bits, ...rest] = text.split('/')
  const ip = parse(address)
  const width = ip?.kind() === 'ipv4' ? 32 : 128
  const prefix = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
  return ip && rest.length === 0 && prefix <= width ? [ip, prefix] : undefined
}

/** A URL's host as the socket knows it. */
export const withoutBrackets = (host: string) => host.replace(/^\[(.*)\]$/, '$1')

/** An IPv4-mapped address is the IPv4 address it stands for. */
function parse(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const version = isIP(address)
  if (version !== 6) return version === 4 ? ipaddr.parse(address) : undefined
  // ipaddr.js takes ::8.8.8.8 (as resolvers print IPv4-compatible addresses) for ::ffff:8.8.8.8; WHATWG writes it in hex.
  const { hostname } = new URL(`http://[${address.replace(/%.*/, '')}]`)
  return ipaddr.process(hostname.slice(1, -1))
}

function isPublic(ip: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (ip.range() !== 'unicast') return false
  if (ip.kind() === 'ipv4') return ip.toString() !== AZURE_WIRE_SERVER
  return contains(GLOBAL_UNICAST, ip) && !isIsatap(ip as ipaddr.IPv6)
}

/** RFC 5214: any prefix, then 0:5efe or 200:5efe, then the IPv4 address the packet is sent to. */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
  return parts[5] === 0x5efe && (parts[4] === 0 || parts[4] === 0x200)
}

function contains(cidr: Cidr, ip: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return cidr[0].kind() === ip.kind() && ip.match(cidr)
}
