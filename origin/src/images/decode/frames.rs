//! An animation as its viewer sees it: whole pictures, one after another, each with its time. Only what the next one needs is
//! held, never all of them.

use super::super::animation::Plays;
use super::super::colour::Profile;
use super::super::error::ImageError;
use super::super::limits::Limits;
use super::super::picture::Picture;
use super::super::probe::{Coding, Probe};
use super::super::settings::Settings;
use super::{Decoded, Decoder, Wanted, embedded_profile, gif, webp};

/// What is seen at one of the frames.
pub(in super::super) struct Shown {
    pub(in super::super) picture: Picture,
    /// As the file says, which may be 0.
    pub(in super::super) delay_millis: u32,
}

/// The frames of a GIF or an animated WebP.
pub(in super::super) enum Frames<'a> {
    Gif(Box<gif::Screen<'a>>),
    Webp(webp::Canvas<'a>),
}

impl<'a> Frames<'a> {
    /// Opens an animation.
    pub(in super::super) fn open(source: &'a [u8], probe: &Probe, settings: Settings) -> Result<Self, ImageError> {
        match probe.coding {
            Coding::Gif => gif::Screen::open(source, probe).map(|screen| Self::Gif(Box::new(screen))),
            Coding::Webp { animated: true } => webp::Canvas::open(source, probe, settings).map(Self::Webp),
            _ => Err(ImageError::Unsupported("page")),
        }
    }

    /// The next frame; an error where the file has no more.
    pub(in super::super) fn next(&mut self) -> Result<Shown, ImageError> {
        match self {
            Self::Gif(screen) => screen.next(),
            Self::Webp(canvas) => canvas.next(),
        }
    }

    fn skip(&mut self) -> Result<(), ImageError> {
        match self {
            Self::Gif(screen) => screen.skip(),
            Self::Webp(canvas) => canvas.next().map(drop),
        }
    }
}

/// What is seen at one frame of an animation.
pub(super) struct Moving;

impl Decoder for Moving {
    fn nanos_per_pixel(&self) -> u64 {
        10
    }

    fn decode(&self, source: &[u8], probe: &Probe, wanted: Wanted, limits: &Limits) -> Result<Decoded, ImageError> {
        let mut frames = Frames::open(source, probe, limits.settings)?;
        (0..wanted.frame).try_for_each(|_| frames.skip())?;
        Ok(Decoded { picture: frames.next()?.picture, profile: profile(probe) })
    }
}

/// The profile that the frames' colours are to be converted from.
pub(in super::super) fn profile(probe: &Probe) -> Option<Profile> {
    embedded_profile(probe).filter(|profile| !profile.is_cmyk())
}

/// How often the animation is played.
pub(in super::super) fn plays(source: &[u8], probe: &Probe) -> Plays {
    match probe.coding {
        Coding::Gif => gif::plays(source),
        _ => webp::plays(source),
    }
}
