import { execFileSync } from 'node:child_process'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { idsOf } from './servers/program.ts'

/** Files of an authority of the test's own, and of the certificate that it gave the server `localhost`. */
export type Certificates = { ca: string; otherCa: string; cert: string; key: string }

/** Runs `use` with certificates of the test's own; their key may be read by the user of PostgreSQL. */
export async function withCertificates<T>(use: (files: Certificates) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(path.join(tmpdir(), 'certificates-'))
  const at = (name: string) => path.join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' })
  const newKey = (name: string) =>
    [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      at(`${name}.key`),
    ] as const
  try {
    await chmod(directory, 0o755)
    for (const name of ['ca', 'other'])
      openssl(
        'req',
        '-x509',
        ...newKey(name),
        '-out',
        at(`${name}.crt`),
        '-subj',
        `/CN=${name}`,
        '-days',
        '2',
      )
    openssl('req', ...newKey('server'), '-out', at('server.csr'), '-subj', '/CN=localhost')
    await writeFile(at('names'), 'subjectAltName=DNS:localhost\n')
    const signed = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')]
    openssl('x509', '-req', '-in', at('server.csr'), ...signed, '-out', at('server.crt'), '-days', '2')
    const { uid, gid } = idsOf('postgres')
    if (uid !== undefined && gid !== undefined) await chown(at('server.key'), uid, gid)
    return await use({
      ca: at('ca.crt'),
      otherCa: at('other.crt'),
      cert: at('server.crt'),
      key: at('server.key'),
    })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
