import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** A range of addresses: its first address and the length of its prefix. */
type Cidr = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** Where Azure answers for the machine itself, though the range is a public one. */
const AZURE_WIRE_SERVER = '168.63.129.16'

/** Only addresses in here are routed on the public internet; all transition formats but 6to4 and Teredo lie outside. */
const GLOBAL_UNICAST: Cidr = [ipaddr.parse('2000::'), 3]

/** Whether a download may reach this address: it is a public one, or lies in a range that is allowed on purpose. */
export function isAllowed(address: string, allowed: readonly string[] = []): boolean {
  const ip = parse(address)
  if (!ip) return false
  return isPublic(ip) || parseCidrs(allowed).some((cidr) => contains(cidr, ip))
}

/** Ranges such as `10.0.0.0/8`, or single addresses; throws on anything else. */
export function parseCidrs(texts: readonly string[]): Cidr[] {
  return texts.map((text) => {
    const [address = '', bits, ...rest] = text.split('/')
    const ip = parse(address)
    const width = ip?.kind() === 'ipv4' ? 32 : 128
    const prefix = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
    if (!ip || rest.length > 0 || !(prefix <= width)) throw new Error(`${text} is no CIDR range`)
    return [ip, prefix]
  })
}

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
