// The parts of the Workers platform that the subjects use, and that Node's types lack.

/** Where a Worker leaves work that goes on behind the answer's back. */
export type Context = { waitUntil(work: Promise<unknown>): void }

/** A KV namespace. */
export type Namespace = { get(name: string, options: { cacheTtl: number }): Promise<string | null> }

type Cache = { match(name: string): Promise<Response | undefined>; put(name: string, answer: Response): Promise<void> }

export const caches = (globalThis as unknown as { caches: { default: Cache } }).caches
