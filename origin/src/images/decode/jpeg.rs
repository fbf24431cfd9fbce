//! JPEG by libjpeg-turbo: to pixels, or to the planes that it is coded in.
//!
//! Every warning of the library is an error here: it warns of data that ends early or is damaged, and carries on with
//! grey. A picture with a grey half is not what the owner of the URL signed for.

use turbojpeg::{Colorspace, DecompressHeader, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, YuvImage};

use super::super::colour::{Profile, cmyk_to_rgb};
use super::super::error::ImageError;
use super::super::geometry::Size;
use super::super::limits::Limits;
use super::super::picture::Picture;
use super::super::probe::{Coding, Probe};
use super::{Decoded, Decoder, Wanted, embedded_profile, means, skim};

const BROKEN: ImageError = ImageError::Broken("the JPEG data is damaged or cut short");

/// The planes of a JPEG of 8-bit YCbCr or grey: full range, BT.601.
pub(in super::super) struct Planes {
    /// The size of the picture after shrinking, without padding.
    pub(in super::super) size: Size,
    /// How many luma samples one chroma sample spans, across and down; `None` for grey.
    pub(in super::super) chroma: Option<(u32, u32)>,
    /// The planes with their sizes.
    pub(in super::super) planes: Vec<(Size, Vec<u8>)>,
}

/// libjpeg-turbo.
pub(super) struct Turbo;

impl Decoder for Turbo {
    fn nanos_per_pixel(&self) -> u64 {
        10
    }

    fn decode(&self, source: &[u8], probe: &Probe, wanted: Wanted, limits: &Limits) -> Result<Decoded, ImageError> {
        let (mut decompressor, header) = open(source, probe, wanted.shrink, limits)?;
        let inks = matches!(header.colorspace, Colorspace::CMYK | Colorspace::YCCK);
        let format = if inks { PixelFormat::CMYK } else { PixelFormat::RGB };
        let pitch = header.width * format.size();
        let mut pixels = vec![0; pitch * header.height];
        let target = Image { pixels: &mut pixels[..], width: header.width, pitch, height: header.height, format };
        decompressor.decompress(source, target).map_err(|_| BROKEN)?;
        let size = size_of(&header)?;
        let profile = embedded_profile(probe);
        if !inks {
            let profile = profile.filter(|profile| !profile.is_cmyk());
            return Ok(Decoded { picture: Picture::rgb(size, pixels), profile });
        }
        // Adobe stores ink as its absence, and so does every file that carries its segment.
        if matches!(probe.coding, Coding::Jpeg { adobe: true, .. }) {
            pixels.iter_mut().for_each(|ink| *ink = 255 - *ink);
        }
        let profile = profile.filter(Profile::is_cmyk);
        Ok(Decoded { picture: Picture::rgb(size, cmyk_to_rgb(&pixels, profile.as_ref())), profile: None })
    }
}

/// Decodes to planes; `None` where the planes are not those of YCbCr or grey in sRGB.
pub(in super::super) fn decode_planes(
    source: &[u8],
    probe: &Probe,
    shrink: u32,
    limits: &Limits,
) -> Result<Option<Planes>, ImageError> {
    if embedded_profile(probe).is_some() {
        return Ok(None);
    }
    // All components shrink alike here; on the road through pixels halved chroma keeps more of itself.
    if shrink == 8
        && matches!(probe.coding, Coding::Jpeg { progressive: true, .. })
        && let Some(skimmed) = skim::means_of(source, limits.jpeg_scans)
        && let Ok(planes) = planes_of(&skimmed, probe, shrink, limits)
    {
        return Ok(planes);
    }
    planes_of(source, probe, shrink, limits)
}

fn planes_of(source: &[u8], probe: &Probe, shrink: u32, limits: &Limits) -> Result<Option<Planes>, ImageError> {
    let (mut decompressor, header) = open(source, probe, shrink, limits)?;
    let chroma = match (header.colorspace, header.subsamp) {
        (Colorspace::Gray, Subsamp::Gray) => None,
        (Colorspace::YCbCr, subsamp) if !matches!(subsamp, Subsamp::Gray | Subsamp::Unknown) => {
            let (across, down) = subsamp.size();
            Some((side(across)?, side(down)?))
        }
        _ => return Ok(None),
    };
    let size = size_of(&header)?;
    let own = |(across, down)| Size { width: size.width.div_ceil(across), height: size.height.div_ceil(down) };
    let sizes: Vec<Size> = [Some((1, 1)), chroma, chroma].into_iter().flatten().map(own).collect();
    let means_alone = shrink == 8 && matches!(probe.coding, Coding::Jpeg { progressive: false, .. });
    let means = if means_alone { means::of(source, probe.size, &sizes) } else { None };
    let planes = match means {
        Some(planes) => planes,
        None => by_library(&mut decompressor, source, &header, &sizes)?,
    };
    Ok(Some(Planes { size, chroma, planes: sizes.into_iter().zip(planes).collect() }))
}

fn by_library(
    decompressor: &mut Decompressor,
    source: &[u8],
    header: &DecompressHeader,
    sizes: &[Size],
) -> Result<Vec<Vec<u8>>, ImageError> {
    let &DecompressHeader { width, height, subsamp, .. } = header;
    let empty: &mut [u8] = &mut [];
    let layout = YuvImage { pixels: empty, width, align: 1, height, subsamp };
    let (luma, halved) = (layout.y_size(), layout.uv_size());
    let length = sizes.iter().zip([luma, halved, halved]).map(|(_, (across, down))| across * down).sum();
    let mut pixels = vec![0; length];
    let target = YuvImage { pixels: &mut pixels[..], ..layout };
    decompressor.decompress_to_yuv(source, target).map_err(|_| BROKEN)?;
    // Taken off the end, so that the first and largest plane is not copied.
    let mut planes = Vec::with_capacity(sizes.len());
    for (size, (across, down)) in sizes.iter().zip([luma, halved, halved]).rev() {
        planes.push(cut(pixels.split_off(pixels.len() - across * down), across, *size));
    }
    planes.reverse();
    Ok(planes)
}

/// A plane without what fills up its last blocks, some of which the library leaves as the memory was.
pub(super) fn cut(mut plane: Vec<u8>, across: usize, own: Size) -> Vec<u8> {
    let (width, height) = (own.width as usize, own.height as usize);
    if width < across {
        for row in 1..height {
            plane.copy_within(row * across..row * across + width, row * width);
        }
    }
    plane.truncate(width * height);
    plane
}

/// Opens the picture, checks that the library reads the same size as the probe did, and sets scale and scan limit.
/// The header that it answers is that of the shrunk picture.
fn open(
    source: &[u8],
    probe: &Probe,
    shrink: u32,
    limits: &Limits,
) -> Result<(Decompressor, DecompressHeader), ImageError> {
    let mut decompressor = Decompressor::new().map_err(|_| BROKEN)?;
    decompressor.set_scan_limit(limits.jpeg_scans).map_err(|_| BROKEN)?;
    let header = decompressor.read_header(source).map_err(|_| BROKEN)?;
    if size_of(&header)? != probe.size {
        return Err(BROKEN);
    }
    let factor = match shrink {
        8 => ScalingFactor::ONE_EIGHTH,
        4 => ScalingFactor::ONE_QUARTER,
        2 => ScalingFactor::ONE_HALF,
        _ => ScalingFactor::ONE,
    };
    decompressor.set_scaling_factor(factor).map_err(|_| BROKEN)?;
    Ok((decompressor, header.scaled(factor)))
}

fn size_of(header: &DecompressHeader) -> Result<Size, ImageError> {
    Ok(Size { width: side(header.width)?, height: side(header.height)? })
}

fn side(value: usize) -> Result<u32, ImageError> {
    u32::try_from(value).map_err(|_| BROKEN)
}
