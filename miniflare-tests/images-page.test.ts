// docs/benchmarks/images.md says what images.json says, and the ratios are those of its figures.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { page } from './bench/images/page.ts'
import { aims, lines, ratios, OURS, type Ran, type Report } from './bench/images/report.ts'
import { TASKS } from './bench/images/tasks.ts'

const docs = join(import.meta.dirname, '..', 'docs', 'benchmarks')
const measured = JSON.parse(readFileSync(join(docs, 'images.json'), 'utf8')) as Report

/** Rounds of so many requests a second, at a millisecond each. */
const ran = (server: string, bytes: number, score: number, peakBytes: number, perSecond: number[]): Ran => ({
  server, quality: 80, bytes, score: { values: score, light: score },
  loads: [{
    connections: 2, p99: 1, peakBytes,
    rounds: perSecond.map((perSecond) => ({ requests: 9, perSecond, cpuMillis: 1, p50: 1, p99: 1, ownCpuShare: 0 })),
  }],
})

const report = (rows: Report['tasks'][number]['rows']): Report => ({
  ...measured, tasks: [{ task: '12mp-baseline.jpg to jpeg fit 512', photo: '12mp-baseline.jpg', output: 'jpeg', box: 'fit 512', rows }],
})

test('the page of the image benchmark is what its figures say', () => {
  assert.equal(readFileSync(join(docs, 'images.md'), 'utf8'), page(measured))
})

test('the page of the image benchmark is of a whole run', () => {
  assert.equal(measured.settings.rounds, 5)
  assert.deepEqual(measured.tasks.map(({ task }) => task), TASKS.map(({ name }) => name))
  const ours = measured.tasks.flatMap(({ rows }) => rows.filter(({ server }) => server === OURS))
  assert.ok(ours.length === TASKS.length && ours.every((row) => 'loads' in row))
})

test('a ratio is the median of the rounds\' ratios, not the ratio of the medians', () => {
  const two = report([ran('sealpix', 100, 80, 30, [10, 30, 20]), ran('ipx', 200, 81.5, 90, [5, 10, 20]), { server: 'oximg', notRun: 'is not there' }])
  const [ratio, ...none] = ratios(two)
  assert.ok(ratio !== undefined)
  assert.deepEqual(none, [])
  assert.deepEqual([ratio.perSecond, ratio.bytes, ratio.score, ratio.peak.toFixed(2)], [2, 0.5, -1.5, '0.33'])
  assert.equal(lines(ratio)[0], 'bench: 12mp-baseline.jpg to jpeg fit 512: sealpix/ipx requests/s at 2 2.00')
})

test('an aim that is missed is not said to be met, nor one that was not run', () => {
  const slower = report([ran('sealpix', 100, 80, 30, [10]), ran('ipx', 100, 80, 30, [20])])
  const [mean] = aims(slower)
  assert.deepEqual([mean?.found?.toFixed(2), mean?.over], ['0.50', 1])
  assert.match(page(slower), /\| baseline JPEG to JPEG and WebP, IPX, geometric mean \| 1.3 \| 0.50 \| 1 \| missed by 62 % \|/)
  assert.match(page(report([{ server: 'sealpix', notRun: 'answers 501' }])), /\| baseline JPEG .* geometric mean \| 1.3 \| - \| 0 \| not run \|/)
})
