// The KV namespace RECORDS, for every subject alike: texts in memory, at first those of the binding `SEALED`.
//
// workerd speaks to it over HTTP: GET and PUT of `/{name}`, and GET of `/` for a list.

type Env = { SEALED: string }

let texts: Map<string, string> | undefined

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    texts ??= new Map(Object.entries(JSON.parse(env.SEALED) as Record<string, string>))
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1))
    if (name === '') {
      const keys = [...texts.keys()].map((name) => ({ name }))
      return Response.json({ keys, list_complete: true, cacheStatus: null })
    }
    if (request.method === 'PUT') {
      texts.set(name, await request.text())
      return new Response(null, { status: 204 })
    }
    const text = texts.get(name)
    return text === undefined ? new Response('Not Found', { status: 404 }) : new Response(text)
  },
}
