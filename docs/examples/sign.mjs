// Signs a Sealpix image URL. Copy all but the last block into your own backend, or run it as a command:
// SEALPIX_SECRET_KEY=sk_... node docs/examples/sign.mjs BASE PROJECT PK OPERATIONS SOURCE [EXP]
import { createHmac, hkdfSync } from 'node:crypto'
const ORDER = ('p page frames crop trim w h dpr fit up g pad bg rot flip blur sharpen pixelate ' +
  'bri con sat hue gray invert wm round f q max meta dl').split(' ')
const RESERVED = 'api healthz readyz metrics assets setup login dashboard docs'.split(' ')
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?' // the last one is not numeric: that would be an IP address
const HOST = new RegExp(`^((?:${LABEL}\\.)+(?![0-9]+(?::|$)|0x)${LABEL})(?::(?!443$)([1-9][0-9]{0,4}))?$`, 'i')
const check = (ok, message) => { if (!ok) throw new Error(message) }
function canonicalOperations(operations) { // sorts the items; how a value is spelled is left to the gate
  const items = {}
  for (const item of operations === '_' ? [] : operations.split(',')) {
    const name = item.split('_')[0]
    check(ORDER.includes(name) && /^(w_[0-9|]+|[a-z]+_[A-Za-z0-9._:-]+)$/.test(item), `not an operation: "${item}"`)
    check(!items[name], `operation given twice: "${item}"`)
    items[name] = item.replaceAll('|', '%7C')
  }
  return ORDER.map((name) => items[name]).filter(Boolean).join(',') || '_'
}

function sourceText(text) {
  check(text[0] !== '@' || /^@[a-z0-9-]{1,32}\//.test(text), 'source: not @name/path')
  if (text[0] !== '@') { // a named source is literal; a remote one is read as browsers do: %XX in its path decoded once
    const [, host, path, query] = /^(?:https:\/\/)?([^/]*)\/?([^?]*)(.*)$/is.exec(text)
    const [site, name, port = '1'] = HOST.exec(host) ?? []
    check(site && name.length <= 253 && port <= 65535, 'source: not https host/path (DNS name, punycode; no user@, no :443)')
    const once = decodeURIComponent(path.replace(/%(?![0-9a-f]{2})/gi, '%25')) // a % without two hex digits stays
    const twice = once.replace(/%(2e|2f|5c)/gi, decodeURIComponent) // %252F must not become a slash further on either
    check(!(path + query).includes('#') && !once.includes('?') && twice.split('/').length === path.split('/').length &&
      !/\\|(^|\/)\.\.?(\/|$)/.test(twice), 'source: fragment, or \\ %2F %3F %5C . .. in the path')
    text = site.toLowerCase() + '/' + once + query
  }
  check(!/[\x00-\x1f\x7f-\x9f]|\/\.{0,2}(\/|$)/.test(text), 'source: control character, empty or dot segment')
  return text
}

export function sign(secretKey, project, publicKey, operations, source, exp = null) {
  check(/^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$/.test(project) && !RESERVED.includes(project), 'not a project')
  // 32 and 16 bytes in base64url; the last character holds fewer than 6 bits, hence its shorter list
  check(/^sk_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(secretKey), 'not a secret key (sk_ and 43 characters)')
  check(/^pk_[A-Za-z0-9_-]{21}[AQgw]$/.test(publicKey), 'not a public key (pk_ and 22 characters)')
  check(exp === null || /^[1-9][0-9]{0,9}$/.test(exp), 'exp: not 1 to 9999999999 (seconds, not milliseconds)')
  const path = encodeURIComponent(sourceText(source)).replace(/%(2F|2C|3A|40|3D)|[!'()*]/g, // it differs by these ten
    (c) => c[1] ? decodeURIComponent(c) : '%' + c.charCodeAt(0).toString(16).toUpperCase())
  const target = `/${project}/${canonicalOperations(operations)}/${path}?key=${publicKey}${exp ? `&exp=${exp}` : ''}`
  check(target.length + 37 + 7 * operations.includes('|') <= 8192, 'the URL is too long') // 37: &sig=, 7: &w=8192
  const key = hkdfSync('sha256', Buffer.from(secretKey.slice(3), 'base64url'), '', 'sealpix/url-signing/v1', 32)
  const mac = createHmac('sha256', key).update(`sealpix:url:v1\n${target}`).digest()
  return `${target}&sig=${mac.toString('base64url', 0, 24)}`
}

if (process.argv[1]?.endsWith('sign.mjs')) try {
  const [base, ...args] = process.argv.slice(2)
  check((args.length === 4 || args.length === 5) && /^https?:\/\/[^/?#\s]+$/.test(base),
    'usage: sign.mjs BASE PROJECT PK OPERATIONS SOURCE [EXP], where BASE is https://host')
  console.log(base + sign(process.env.SEALPIX_SECRET_KEY ?? '', ...args))
} catch (error) {
  console.error(`sign.mjs: ${error instanceof URIError ? 'source: not valid UTF-8' : error.message}`)
  process.exitCode = 1
}
