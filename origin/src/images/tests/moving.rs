//! Animations made for tests, and results seen as their viewers see them: GIF by `image`, WebP by libwebp's own decoder.

use std::borrow::Cow;
use std::io::Cursor;

use gif::{DisposalMethod, Frame, Repeat};
use image::AnimationDecoder as _;
use image::metadata::LoopCount;

use super::super::Format;
use super::super::codec::webp_reference;
use super::super::geometry::Size;
use super::sources::{BLUE, GREEN, RED, SAND, gradient, png};
use super::{Derivative, Picture, run};

/// What a viewer sees of a result: pictures and their times, and how often; 0 is for ever.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) frames: Vec<(Picture, u32)>,
    pub(super) plays: u32,
}

impl Seen {
    pub(super) fn delays(&self) -> Vec<u32> {
        self.frames.iter().map(|(_, delay)| *delay).collect()
    }
}

pub(super) fn see(derivative: &Derivative) -> Seen {
    let size = Size { width: derivative.width, height: derivative.height };
    match derivative.format {
        Format::Gif => see_gif(&derivative.bytes, size),
        Format::Webp => {
            let (frames, plays) = webp_reference::decode(&derivative.bytes).unwrap();
            let begins = std::iter::once(0).chain(frames.iter().map(|(_, until)| *until)).collect::<Vec<_>>();
            let shown = |((pixels, until), begin): ((Vec<u8>, i32), i32)| {
                (Picture::rgba(size, pixels), u32::try_from(until - begin).unwrap())
            };
            Seen { frames: frames.into_iter().zip(begins).map(shown).collect(), plays }
        }
        other => panic!("{other:?} does not move"),
    }
}

pub(super) fn see_gif(bytes: &[u8], size: Size) -> Seen {
    let decoder = image::codecs::gif::GifDecoder::new(Cursor::new(bytes)).unwrap();
    // That decoder hands on the extension's number, which does not count the first time, and has none for once.
    let plays = match decoder.loop_count() {
        _ if !bytes.windows(11).any(|name| name == b"NETSCAPE2.0") => 1,
        LoopCount::Infinite => 0,
        LoopCount::Finite(count) => count.get() + 1,
    };
    let shown = decoder.into_frames().map(|frame| {
        let frame = frame.unwrap();
        let (delay, _) = frame.delay().numer_denom_ms();
        let pixels = frame.into_buffer();
        assert_eq!(pixels.dimensions(), (size.width, size.height));
        (Picture::rgba(size, pixels.into_raw()), delay)
    });
    Seen { frames: shown.collect(), plays }
}

pub(super) struct GifFrame {
    pub(super) at: (u16, u16),
    pub(super) size: (u16, u16),
    pub(super) dispose: DisposalMethod,
    pub(super) delay: u16,
    /// A colour of the palette for each pixel; the fifth is clear.
    pub(super) pixel: fn(u16, u16) -> u8,
    pub(super) own_palette: bool,
    pub(super) interlaced: bool,
}

pub(super) const WHOLE: GifFrame = GifFrame {
    at: (0, 0),
    size: (40, 30),
    dispose: DisposalMethod::Keep,
    delay: 7,
    pixel: |x, y| u8::from(x / 8 % 2 == y / 8 % 2),
    own_palette: false,
    interlaced: false,
};

pub(super) fn gif_of(frames: &[GifFrame], repeat: Option<Repeat>) -> Vec<u8> {
    let palette = |colours: [[u8; 4]; 4]| colours.iter().flat_map(|colour| colour[..3].to_vec()).collect::<Vec<u8>>();
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, 40, 30, &palette([RED, GREEN, BLUE, SAND])).unwrap();
    if let Some(repeat) = repeat {
        encoder.set_repeat(repeat).unwrap();
    }
    for frame in frames {
        let (width, height) = frame.size;
        let rows: Vec<u16> = if frame.interlaced {
            [(0, 8), (4, 8), (2, 4), (1, 2)].iter().flat_map(|(from, by)| (*from..height).step_by(*by)).collect()
        } else {
            (0..height).collect()
        };
        let pixels: Vec<u8> = rows.iter().flat_map(|y| (0..width).map(|x| (frame.pixel)(x, *y))).collect();
        let written = Frame {
            left: frame.at.0,
            top: frame.at.1,
            width,
            height,
            dispose: frame.dispose,
            delay: frame.delay,
            transparent: Some(4),
            interlaced: frame.interlaced,
            palette: frame.own_palette.then(|| palette([SAND, [9, 9, 9, 255], RED, [250, 250, 250, 255]])),
            buffer: Cow::Owned(pixels),
            ..Frame::default()
        };
        encoder.write_frame(&written).unwrap();
    }
    drop(encoder);
    bytes
}

/// Every disposal, pictures that are partly clear, local palettes, interlacing, all delays.
pub(super) fn lively_gif() -> Vec<u8> {
    use DisposalMethod::{Any, Background, Keep, Previous};
    gif_of(
        &[
            GifFrame { pixel: |x, y| if x + y < 12 { 4 } else { 1 }, ..WHOLE },
            GifFrame {
                at: (10, 6),
                size: (12, 9),
                dispose: Background,
                delay: 25,
                pixel: |x, _| 2 + (x % 2) as u8,
                ..WHOLE
            },
            GifFrame {
                at: (3, 3),
                size: (20, 20),
                dispose: Previous,
                delay: 300,
                own_palette: true,
                interlaced: true,
                ..WHOLE
            },
            GifFrame {
                at: (25, 20),
                size: (15, 10),
                dispose: Any,
                delay: 2,
                pixel: |x, y| if x == y { 4 } else { 0 },
                ..WHOLE
            },
            GifFrame { dispose: Background, delay: 11, pixel: |x, _| (x / 10) as u8, ..WHOLE },
            GifFrame { at: (39, 29), size: (1, 1), dispose: Keep, delay: 9, pixel: |_, _| 3, ..WHOLE },
        ],
        Some(Repeat::Infinite),
    )
}

pub(super) const LIVELY_DELAYS: [u32; 6] = [70, 250, 3000, 20, 110, 90];

/// Frames with place, picture, delay and flags (2: not blended, 1: cleared after).
pub(super) fn webp_of(size: (u32, u32), loops: u16, frames: &[(u32, u32, &Picture, u32, u8, bool)]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x12\0\0\0".to_vec();
    file.extend(&(size.0 - 1).to_le_bytes()[..3]);
    file.extend(&(size.1 - 1).to_le_bytes()[..3]);
    file.extend(b"ANIM\x06\0\0\0\0\0\0\0");
    file.extend(loops.to_le_bytes());
    for (x, y, picture, delay, flags, lossless) in frames {
        let Size { width, height } = picture.size;
        let still = if *lossless {
            let mut still = Vec::new();
            let pixels = (*picture).clone().with_alpha().pixels;
            let encoder = image_webp::WebPEncoder::new(&mut still);
            encoder.encode(&pixels, width, height, image_webp::ColorType::Rgba8).unwrap();
            still
        } else {
            run(&png(picture), "f_webp,q_95").unwrap().bytes
        };
        let chunks = if &still[12..16] == b"VP8X" { &still[30..] } else { &still[12..] };
        let mut frame = Vec::new();
        for field in [x / 2, y / 2, width - 1, height - 1, *delay] {
            frame.extend(&field.to_le_bytes()[..3]);
        }
        frame.push(*flags);
        frame.extend(chunks);
        file.extend(b"ANMF");
        file.extend(u32::try_from(frame.len()).unwrap().to_le_bytes());
        file.extend(frame);
    }
    let length = u32::try_from(file.len() - 8).unwrap().to_le_bytes();
    file[4..8].copy_from_slice(&length);
    file
}

pub(super) fn plain(width: u32, height: u32, colour: [u8; 4]) -> Picture {
    Picture::rgba(Size { width, height }, colour.repeat((width * height) as usize))
}

/// Lossy and lossless frames, offsets, blending, clearing, half-clear colours.
pub(super) fn lively_webp(loops: u16) -> Vec<u8> {
    let veil = plain(20, 16, [200, 20, 20, 120]);
    webp_of(
        (48, 32),
        loops,
        &[
            (0, 0, &gradient(48, 32), 40, 0, false),
            (4, 6, &plain(12, 10, BLUE), 60, 1, true),
            (8, 8, &veil, 1000, 0, true),
            (20, 10, &plain(16, 16, SAND), 35, 1, false),
            (2, 2, &plain(30, 20, [0, 0, 0, 0]), 80, 2, true),
            (0, 0, &veil, 16, 2, false),
        ],
    )
}
