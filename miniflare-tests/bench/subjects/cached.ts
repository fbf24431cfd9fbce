// A Worker that answers every request with one picture of its cache and looks at nothing: what the platform's share of
// a cache hit costs.
import { caches, type Context } from './platform.ts'

type Env = { PICTURE: string }

const NAME = 'https://bench.invalid/picture'

export default {
  async fetch(_request: Request, env: Env, context: Context): Promise<Response> {
    const found = await caches.default.match(NAME)
    if (found !== undefined) return found
    const fetched = await fetch(env.PICTURE)
    if (fetched.status !== 200) return fetched
    const kept = new Response(await fetched.arrayBuffer(), fetched)
    kept.headers.set('Cache-Control', 'public, max-age=86400')
    context.waitUntil(caches.default.put(NAME, kept.clone()))
    return kept
  },
}
