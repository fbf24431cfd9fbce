// The cache behind the Cache API, for every subject alike: answers kept in memory, whole, until the process ends.
//
// workerd asks this service over HTTP: GET is `match`, PUT carries the whole answer as an HTTP/1.1 message and is `put`.
// Freshness is not looked at, since a run is shorter than any answer lives.

type Kept = { status: number; headers: [string, string][]; body: Uint8Array<ArrayBuffer> }

const kept = new Map<string, Kept>()

/** Reads an answer as it is on the wire, head and body. */
function parse(message: Uint8Array<ArrayBuffer>): Kept {
  let end = 0
  while (!(message[end] === 13 && message[end + 1] === 10 && message[end + 2] === 13 && message[end + 3] === 10)) {
    end += 1
    if (end >= message.length) throw new Error('no end of the head')
  }
  const [first = '', ...lines] = new TextDecoder().decode(message.subarray(0, end)).split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const at = line.indexOf(':')
    return [line.slice(0, at), line.slice(at + 1).trim()]
  })
  return { status: Number(first.split(' ')[1]), headers, body: message.slice(end + 4) }
}

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === 'PUT') {
      kept.set(request.url, parse(new Uint8Array(await request.arrayBuffer())))
      return new Response(null, { status: 204 })
    }
    const found = kept.get(request.url)
    if (found === undefined) return new Response(null, { status: 504, headers: { 'CF-Cache-Status': 'MISS' } })
    const headers = new Headers(found.headers)
    headers.set('CF-Cache-Status', 'HIT')
    return new Response(found.body, { status: found.status, headers })
  },
}
