// Bytes as the records and the cache's names are made of.

const text = new TextEncoder()
type WithBase64 = { fromBase64(text: string, options: { alphabet: 'base64url' }): Uint8Array<ArrayBuffer> }

/** V8 reads base64url by itself; the language's types do not have it yet. */
export const fromBase64Url = (encoded: string): Uint8Array<ArrayBuffer> =>
  (Uint8Array as unknown as WithBase64).fromBase64(encoded, { alphabet: 'base64url' })

export const toHex = (bytes: Uint8Array): string => (bytes as unknown as { toHex(): string }).toHex()

/** 8 bytes, big-endian. */
export function numberBytes(value: number, length = 8): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  if (length === 8) view.setUint32(0, Math.floor(value / 2 ** 32))
  view.setUint32(length - 4, value >>> 0)
  return bytes
}

/** Each field behind its length in 8 bytes. */
export function lengthPrefixed(...fields: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const parts = fields.map((field) => (typeof field === 'string' ? text.encode(field) : field))
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 8 + part.length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const part of parts) {
    view.setUint32(at + 4, part.length)
    bytes.set(part, at + 8)
    at += 8 + part.length
  }
  return bytes
}
