//! Small pictures of every format, and the means to make them lie.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// What gives a polyglot away.
pub(super) const PAYLOAD: &[u8] = b"*/=1;</x><script>alert(document.domain)</script>PK\x03\x04payload.zip";

/// 40,000 in two and in four bytes.
pub(super) const FLOOD_BE: [u8; 4] = 40_000_u32.to_be_bytes();

/// Pixels of a smooth picture.
fn gradient(width: usize, height: usize) -> Vec<u8> {
    let byte = |part: usize, whole: usize| u8::try_from(part * 255 / whole).unwrap();
    let at = |index: usize| [byte(index % width, width), byte(index / width, height), 90];
    (0..width * height).flat_map(at).collect()
}

pub(super) fn jpeg(width: usize, height: usize, progressive: bool) -> Vec<u8> {
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_progressive(progressive).unwrap();
    let pixels = gradient(width, height);
    let format = turbojpeg::PixelFormat::RGB;
    let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: width * 3, height, format };
    compressor.compress_to_vec(image).unwrap()
}

/// A JPEG whose frame header says another size.
pub(super) fn jpeg_that_says(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = jpeg(64, 48, false);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

/// A segment after a JPEG's first two bytes.
pub(super) fn with_segment(jpeg: &[u8], code: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, code], &length, body, &jpeg[2..]].concat()
}

/// A progressive JPEG whose last scan comes again and again.
pub(super) fn jpeg_of_scans(count: usize) -> Vec<u8> {
    let jpeg = jpeg(512, 512, true);
    let last = jpeg.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    let (head, scan) = jpeg[..jpeg.len() - 2].split_at(last);
    [head, &scan.repeat(count), &[0xff, 0xd9]].concat()
}

/// A PNG chunk.
pub(super) fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut checked = name.to_vec();
    checked.extend(body);
    let mut crc = flate2::Crc::new();
    crc.update(&checked);
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], &checked, &crc.sum().to_be_bytes()].concat()
}

/// Zeros, so many, as a zlib stream: a thousandth of them.
pub(super) fn zeros(count: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let block = vec![0; 1 << 20];
    for at in (0..count).step_by(block.len()) {
        encoder.write_all(&block[..block.len().min(count - at)]).unwrap();
    }
    encoder.finish().unwrap()
}

/// A PNG of one size with these bits and colours, chunks before its data, and a zlib stream for data.
pub(super) fn png((width, height): (u32, u32), [bits, colours]: [u8; 2], chunks: &[u8], data: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, colours, 0, 0, 0]].concat();
    let parts =
        [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header), chunks, &chunk(b"IDAT", data), &chunk(b"IEND", b"")];
    parts.concat()
}

/// A black RGB PNG without a lie.
pub(super) fn black_png(width: u32, height: u32) -> Vec<u8> {
    png((width, height), [8, 2], b"", &zeros(height as usize * (width as usize * 3 + 1)))
}

/// A GIF of frames as large as its screen, delay 0.
pub(super) fn gif(width: u16, height: u16, frames: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &[0, 0, 0, 250, 90, 30]).unwrap();
    let pixels = vec![1; usize::from(width) * usize::from(height)];
    for _ in 0..frames {
        encoder
            .write_frame(&gif::Frame { delay: 0, ..gif::Frame::from_indexed_pixels(width, height, &pixels[..], None) })
            .unwrap();
    }
    drop(encoder);
    bytes
}

/// A RIFF chunk.
fn riff(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&name[..], &length, body, &[0][..body.len() % 2]].concat()
}

/// A WebP of these chunks.
fn webp(chunks: &[u8]) -> Vec<u8> {
    [b"RIFF", &u32::try_from(chunks.len() + 4).unwrap().to_le_bytes()[..], b"WEBP", chunks].concat()
}

/// One less than a side, in 24 bits.
fn side(side: u32) -> Vec<u8> {
    (side - 1).to_le_bytes()[..3].to_vec()
}

/// A still WebP on a canvas of another size.
pub(super) fn webp_on_canvas(still: &[u8], width: u32, height: u32) -> Vec<u8> {
    let header = [&[0; 4][..], &side(width), &side(height)].concat();
    webp(&[riff(b"VP8X", &header), still[12..].to_vec()].concat())
}

/// A WebP that shows a still again and again at a place, delay 0.
pub(super) fn animated_webp(still: &[u8], (width, height): (u32, u32), at: u32, frames: usize) -> Vec<u8> {
    let header = [&[2, 0, 0, 0][..], &side(width), &side(height)].concat();
    let place = [side(at / 2 + 1), side(at / 2 + 1), side(64), side(48), vec![0, 0, 0, 0]].concat();
    let frame = riff(b"ANMF", &[&place, &still[12..]].concat());
    webp(&[riff(b"VP8X", &header), riff(b"ANIM", &[0; 6]), frame.repeat(frames)].concat())
}

/// Bytes behind the first place of a name are overwritten.
pub(super) fn after(bytes: &[u8], name: &[u8], skip: usize, with: &[u8]) -> Vec<u8> {
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len() + skip;
    let mut changed = bytes.to_vec();
    changed[at..at + with.len()].copy_from_slice(with);
    changed
}
