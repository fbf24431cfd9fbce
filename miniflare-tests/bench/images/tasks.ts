// What is measured: a photo to a format in a box. photos.ts makes the photos.

/** The whole picture inside a square of this side, or its middle that fills one. */
export type Box = 'fit 512' | 'cover 200' | 'fit 800'
export type Output = 'jpeg' | 'webp' | 'avif' | 'png'
export const PHOTOS = [
  '12mp-baseline.jpg', '12mp-progressive.jpg', '3mp-baseline.jpg', '3mp-progressive.jpg', 'photo.png', 'alpha.png', 'animated.gif',
] as const
export type Photo = (typeof PHOTOS)[number]

export type Task = { name: string; photo: Photo; output: Output; box: Box; connections: number[]; quick: boolean }

/** Frames of the animation, and pixels of each: at least those of a box, to which IPX would shrink the box otherwise. */
export const ANIMATION = { frames: 24, width: 768, height: 512 }

/** The same number goes to every encoder: of libjpeg, and of libwebp at method 4. */
export const QUALITY = 80
/** What sharp, and so IPX, gives AVIF when it is not asked. Sealpix's is found by score: its encoder is another. */
export const AVIF_QUALITY = 50

/** The side of a box. */
export const side = (box: Box): number => Number(box.split(' ')[1])
export const covers = (box: Box): boolean => box.startsWith('cover')

const ALL = [1, 2, 32]
/** 32 pictures that take a second each would take a round longer than all else. */
const FEW = [1, 2]

function tasks(photo: Photo, outputs: [Output, ...Box[]][], quick: string[]): Task[] {
  return outputs.flatMap(([output, ...boxes]) =>
    boxes.map((box) => {
      const what = `${output} ${box}`
      return { name: `${photo} to ${what}`, photo, output, box, connections: output === 'avif' || photo === 'animated.gif' ? FEW : ALL, quick: quick.includes(what) }
    }))
}

const BOTH: Box[] = ['fit 512', 'cover 200']

export const TASKS: Task[] = [
  ...tasks('12mp-baseline.jpg', [['jpeg', ...BOTH, 'fit 800'], ['webp', ...BOTH], ['avif', ...BOTH], ['png', ...BOTH]], ['jpeg fit 512', 'webp fit 512']),
  ...tasks('12mp-progressive.jpg', [['jpeg', ...BOTH, 'fit 800'], ['webp', ...BOTH]], ['jpeg fit 512']),
  ...tasks('3mp-baseline.jpg', [['jpeg', ...BOTH], ['webp', ...BOTH], ['avif', ...BOTH], ['png', ...BOTH]], ['jpeg fit 512', 'avif fit 512']),
  ...tasks('3mp-progressive.jpg', [['jpeg', ...BOTH], ['webp', ...BOTH]], ['webp fit 512']),
  ...tasks('photo.png', [['png', ...BOTH], ['jpeg', 'fit 512'], ['webp', ...BOTH], ['avif', 'fit 512']], ['png fit 512']),
  ...tasks('alpha.png', [['png', ...BOTH], ['webp', ...BOTH]], ['webp fit 512']),
  ...tasks('animated.gif', [['webp', ...BOTH]], ['webp fit 512']),
]
