// Reads a target as docs/signing.md gives it: one spelling, anything else is refused.
//
// Of the operations it knows names, order and the form of each value; not the bounds of the rarer ones.
import { Denied } from './gate.ts'

export type Target = {
  project: string
  operations: Map<string, string>
  width: string | undefined
  /** The source text, decoded. */
  source: string
  key: string
  expires: number | undefined
  signature: string
  /** The bytes that are signed. */
  signed: string
}

const SHAPE = /^\/([a-z0-9][a-z0-9-]{1,48}[a-z0-9])\/([^/?]+)\/([^?]+)\?key=(pk_[A-Za-z0-9_-]{21}[AQgw])(?:&exp=([1-9][0-9]{0,9}))?&sig=([A-Za-z0-9_-]{32})(?:&w=([1-9][0-9]{0,3}))?$/
const RESERVED = new Set('api healthz readyz metrics assets setup login dashboard docs'.split(' '))
const ORDER = new Map(
  ('p page frames crop trim w h dpr fit up g pad bg rot flip blur sharpen pixelate ' +
    'bri con sat hue gray invert wm round f q max meta dl').split(' ').map((name, at) => [name, at]),
)
const INTEGER = /^[1-9][0-9]{0,3}$/
const VALUES = new Map<string, RegExp>([
  ['w', /^[1-9][0-9]{0,3}(?:\|[1-9][0-9]{0,3}){0,15}$/],
  ['h', INTEGER],
  ['fit', /^(?:cover|fill|outside|pad)$/],
  ['up', /^1$/],
  ['f', /^(?:auto|jpg|png|webp|avif|gif|json)$/],
  ['q', /^(?:auto|100|[1-9][0-9]?)$/],
  ['p', /^[a-z0-9-]{1,32}$/],
])
const OTHER = /^[A-Za-z0-9._:-]+$/
const PLAIN = /^[A-Za-z0-9\-._~\/,:@=]*$/
const LABELS = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?![0-9]+(?::|$)|0x)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?::(?!443$)[1-9][0-9]{0,4})?$/

const malformed = (): never => {
  throw new Denied('malformed_url', 400)
}

/** Decodes strictly: what does not encode to the same bytes again was not the one spelling. */
function unescape(text: string): string {
  if (PLAIN.test(text)) return text
  try {
    const decoded = decodeURIComponent(text)
    const again = encodeURIComponent(decoded).replace(/%(?:2F|2C|3A|40|3D)|[!'()*]/g, (part) =>
      part[1] === undefined ? '%' + part.charCodeAt(0).toString(16).toUpperCase() : decodeURIComponent(part))
    if (again === text && !/[\x00-\x1f\x7f-\x9f]/.test(decoded)) return decoded
  } catch {
    // Not UTF-8, or no escape.
  }
  return malformed()
}

function parseOperations(text: string): Map<string, string> {
  const operations = new Map<string, string>()
  if (text === '_') return operations
  let last = -1
  for (const item of text.split(',')) {
    const at = item.indexOf('_')
    const name = item.slice(0, at)
    const value = item.slice(at + 1)
    const place = ORDER.get(name)
    if (at < 0 || place === undefined || place <= last || !(VALUES.get(name) ?? OTHER).test(value)) malformed()
    last = place ?? last
    operations.set(name, value)
  }
  return operations
}

function parseSource(source: string): string {
  const at = source.indexOf('/')
  const head = source.slice(0, at)
  const isNamed = head[0] === '@'
  if (at < 0 || !(isNamed ? /^@[a-z0-9-]{1,32}$/ : LABELS).test(head)) malformed()
  if (source.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) malformed()
  if (!isNamed && /%(?:2e|2f|5c)|\\/i.test(source)) malformed()
  return source
}

export function parse(text: string): Target {
  const parts = text.length > 8192 ? null : SHAPE.exec(text)
  if (parts === null) return malformed()
  const [, project = '', written = '', source = '', key = '', expires, signature = '', width] = parts
  const operations = parseOperations(unescape(written))
  const listed = operations.get('w')?.includes('|') === true ? operations.get('w')?.split('|') : undefined
  if (RESERVED.has(project) || listed?.includes(width ?? '') !== (width === undefined ? undefined : true)) malformed()
  return {
    project, operations, width, key, signature,
    source: parseSource(unescape(source)),
    expires: expires === undefined ? undefined : Number(expires),
    signed: text.slice(0, text.indexOf('&sig=')),
  }
}
