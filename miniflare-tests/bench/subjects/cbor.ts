// As much of CBOR (RFC 8949) as records are written in.

export type Cbor = number | string | boolean | null | Uint8Array | Cbor[] | Map<Cbor, Cbor>

/** The value that the bytes are. */
export function decode(bytes: Uint8Array<ArrayBuffer>): Cbor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = new TextDecoder()
  let at = 0
  const count = (more: number): number => {
    const began = at
    if (more < 24) return more
    at += 1 << (more - 24)
    if (more === 24) return view.getUint8(began)
    if (more === 25) return view.getUint16(began)
    if (more === 26) return view.getUint32(began)
    if (more === 27) return Number(view.getBigUint64(began))
    throw new Error('not a definite length')
  }
  const value = (): Cbor => {
    const first = view.getUint8(at)
    at += 1
    const [major, more] = [first >> 5, first & 31]
    if (major === 7) {
      if (more < 20 || more > 23) throw new Error('not a simple value of a record')
      return more === 20 ? false : more === 21 ? true : null
    }
    const n = count(more)
    if (major === 0) return n
    if (major === 1) return -1 - n
    if (major === 2 || major === 3) {
      const part = bytes.subarray(at, at + n)
      at += n
      return major === 2 ? part : text.decode(part)
    }
    if (major === 4) return Array.from({ length: n }, value)
    if (major === 5) return new Map(Array.from({ length: n }, (): [Cbor, Cbor] => [value(), value()]))
    throw new Error('not a type of a record')
  }
  return value()
}
