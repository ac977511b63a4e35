import { describe, expect, it } from 'vitest'
import { parseSourceUrl } from '../../../lib/download/source-url.ts'

const LOOPBACK_IN_DISGUISE = [
  'http://127.0.0.1/a.jpg',
  'https://127.0.0.1:8443/a.jpg',
  'http://127.0.0.1./a.jpg',
  'http://127.1/',
  'http://0x7f.1/',
  'http://0x7f000001/',
  'http://0177.0.0.1/',
  'http://017700000001/',
  'http://2130706433/',
  'http://%31%32%37.0.0.1/',
  'http://127。0。0。1/',
  'http://①②⑦.⓪.⓪.①/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'HTTP:\\\\127.0.0.1\\a.jpg',
]

describe('parseSourceUrl', () => {
  it.each([
    ['http://example.org/a.jpg', 'http://example.org/a.jpg'],
    ['https://example.org:8443/a.jpg?b=c', 'https://example.org:8443/a.jpg?b=c'],
    ['HTTPS://EXAMPLE.org', 'https://example.org/'],
    ['http://8.8.8.8/a.jpg', 'http://8.8.8.8/a.jpg'],
    ['http://[2606:4700::1111]/', 'http://[2606:4700::1111]/'],
    ['http://127.0.0.1.example.org/', 'http://127.0.0.1.example.org/'],
  ])('accepts %s', (text, href) => expect(parseSourceUrl(text, []).href).toBe(href))

  it.each([
    ...LOOPBACK_IN_DISGUISE,
    'http://0/',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::]/',
    'http://[::1]:3000/',
    'http://[fe80::1]/',
    'http://[64:ff9b::169.254.169.254]/',
  ])('refuses the address in %s', (text) => {
    expect(() => parseSourceUrl(text, [])).toThrow(
      expect.objectContaining({ code: 'blocked-address', status: 422, retry: false }),
    )
  })

  it.each(LOOPBACK_IN_DISGUISE)('accepts %s where its range is allowed', (text) => {
    expect(parseSourceUrl(text, ['127.0.0.0/8']).hostname).toMatch(/^127\.0\.0\.1$|^\[::ffff:7f00:1\]$/)
  })

  it.each([
    '',
    'a.jpg',
    '//example.org/a.jpg',
    'http://',
    'http://exa mple.org/',
    'http://example.org:99999/',
    'http://256.256.256.256/',
    'http://[::1%25lo]/',
    'ftp://example.org/a.jpg',
    'file:///etc/passwd',
    'data:image/png;base64,AAAA',
    'javascript:alert(1)',
    'unix:/var/run/docker.sock:/info',
    'gopher://example.org/',
    'http://user@example.org/',
    'http://user:secret@example.org/',
    'http://:secret@example.org/',
    'http://example.org@127.0.0.1/',
  ])('refuses %j as invalid', (text) => {
    expect(() => parseSourceUrl(text, [])).toThrow(
      expect.objectContaining({ code: 'invalid-source', status: 422, retry: false }),
    )
  })

  it('takes 8192 characters, not 8193', () => {
    const text = 'http://example.org/'.padEnd(8192, 'a')
    expect(parseSourceUrl(text, []).href).toBe(text)
    expect(() => parseSourceUrl(`${text}a`, [])).toThrow(expect.objectContaining({ code: 'invalid-source' }))
  })

  it('repeats neither query nor password', () => {
    expect(() => parseSourceUrl('http://user:hunter2@example.org/?token=hunter2', [])).toThrow(
      /^(?!.*hunter2)/s,
    )
    expect(() => parseSourceUrl('http://10.0.0.1/?token=hunter2', [])).toThrow(/^(?!.*hunter2)/s)
  })
})
