//! `bg`: what lies under the picture and beside it: the colour that was asked for, one of the picture's own, or the picture
//! itself, enlarged and blurred. All of a picture as it is laid down, after its effects; nothing else is looked at, so that
//! a frame is treated like a still.

use sealpix::operations::{Background, Fit};

use super::dominant::edge_colour;
use super::effects;
use super::error::ImageError;
use super::format::Format;
use super::geometry::{Anchor, Plan, Rect, Request, Size};
use super::picture::{Channels, Picture, on_white};
use super::resize;

/// The longer side of what is blurred, in pixels: after a blur as strong as this, no more can be told apart.
const BLURRED_PIXELS: u32 = 64;

/// Sigma of the blur, in longer sides of the result.
const BLUR_SHARE: f64 = 0.05;

/// Lays a picture on its background, at its place on the plan's canvas. Also answers the background's one colour, which
/// is opaque where the format has no alpha: that of corners that are cut off later.
pub(super) fn laid(
    picture: Picture,
    plan: &Plan,
    asked: Option<Background>,
    format: Format,
) -> Result<(Picture, [u8; 4]), ImageError> {
    let colour = colour(&picture, asked, format);
    let shows = plan.has_margin() || picture.channels == Channels::Rgba;
    if asked == Some(Background::Blur) && shows {
        let ground = blurred(&picture, plan.canvas, colour)?;
        return Ok((picture.on(ground, plan.at), colour));
    }
    let picture = picture.over(colour);
    Ok((if plan.has_margin() { picture.on_canvas(plan, colour) } else { picture }, colour))
}

fn colour(picture: &Picture, asked: Option<Background>, format: Format) -> [u8; 4] {
    let colour = match asked {
        Some(Background::Colour(colour)) => [colour.red, colour.green, colour.blue, colour.alpha],
        Some(Background::Auto | Background::Blur) => edge_colour(picture),
        None => [0; 4],
    };
    if format.has_alpha() { colour } else { on_white(colour) }
}

/// The picture covering a canvas, blurred; what of it is transparent is filled with an opaque colour before.
fn blurred(picture: &Picture, canvas: Size, colour: [u8; 4]) -> Result<Picture, ImageError> {
    let small = canvas.at_most(BLURRED_PIXELS);
    let cover = Request {
        width: Some(small.width),
        height: Some(small.height),
        fit: Fit::Cover,
        enlarge: true,
        anchor: Anchor::Share(500, 500),
    };
    let part = Plan::new(picture.size, &cover).part;
    let mut ground = resize::picture(picture, Rect::whole(picture.size), part, small)?.over(colour);
    effects::blur(&mut ground, f64::from(small.width.max(small.height)) * BLUR_SHARE)?;
    resize::picture(&ground, Rect::whole(small), Rect::whole(small).area(), canvas)
}
