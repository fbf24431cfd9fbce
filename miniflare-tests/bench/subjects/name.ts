// The name of a result in the cache: SHA-256 over the fields of shared/src/cache_key.rs, by WebCrypto.
import { lengthPrefixed, numberBytes, toHex } from './bytes.ts'
import type { ProjectRecord } from './records.ts'

export async function nameInCache(project: ProjectRecord, source: string, operations: Map<string, string>): Promise<string> {
  const sourceEpoch = project.sourceEpochs.reduce((newest, [prefix, epoch]) => source.startsWith(prefix) ? Math.max(newest, epoch) : newest, 0)
  const granted = source[0] === '@' ? (project.grants.get(source.slice(1, source.indexOf('/'))) ?? 0) : 0
  const written = operations.size === 0 ? '_' : Array.from(operations, ([name, value]) => `${name}_${value}`).join(',')
  const fields = lengthPrefixed('sealpix/cache/v1', project.slug, source, numberBytes(project.epoch), numberBytes(sourceEpoch),
    numberBytes(granted), numberBytes(0), numberBytes(1, 4), written)
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', fields)))
}
