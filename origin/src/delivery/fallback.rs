//! A project's fallback: the picture that is shown, with status 404, where the source that was asked for is missing.
//!
//! It is made as any picture is: under the gate's rule for sources, fetched and worked on within the same limits, made once
//! for all who ask at once, and kept. But it has a name and a time of its own, so that it is never taken for the picture that
//! was asked for (CACHE-12). A fallback that cannot be made is none: the client is told that its source is missing, and
//! the operator, by the log, what is wrong with the other.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use sealpix::denial::Denial;
use sealpix::operations::{Gravity, Operations, OutputFormat};

use super::answer::Frame;
use super::{Delivery, make};
use crate::derivatives::{Kept, Made, Name};
use crate::registry::{Fallback, Project, Versioned};

/// The answer with the project's fallback, if it has one that can be shown. A description of a picture has none.
pub(super) async fn shown(
    delivery: &Arc<Delivery>,
    frame: &Frame<'_>,
    project: &Versioned<Project>,
    head_only: bool,
) -> Option<Response<Body>> {
    let fallback = project.value.fallback.as_ref()?;
    if frame.operations.format == Some(OutputFormat::Json) {
        return None;
    }
    // Why there is none was said where that was found, once for all who waited for it.
    let made = made(delivery, frame, project, fallback).await.ok()?;
    Some(frame.fallback(made, fallback.ttl_secs(), head_only))
}

async fn made(
    delivery: &Arc<Delivery>,
    frame: &Frame<'_>,
    project: &Versioned<Project>,
    fallback: &Fallback,
) -> Result<Made, Denial> {
    let (record, source) = (project.value.record(), fallback.source());
    let (as_asked, operations) = (of_any_picture(&frame.admission.operations), of_any_picture(frame.operations));
    let admission = frame.admission.instead(source.clone(), as_asked, &record).inspect_err(warned(project))?;
    let name = Name::of(&admission, &operations, project.version, delivery.origin.config.images);
    let name = name.into_fallback(fallback.ttl_secs());
    let (delivery_of, warned) = (Arc::clone(delivery), warned(project));
    let asked = delivery.derivatives.ask(name, |progress| async move {
        let made: Result<Kept, Denial> = make(delivery_of, admission, record, operations, progress).await;
        made.inspect_err(warned)
    })?;
    asked.made().await
}

fn warned(project: &Versioned<Project>) -> impl Fn(&Denial) + Send + use<> {
    let slug = project.value.slug.clone();
    move |denial| tracing::warn!(project = %slug, %denial, "the project's fallback cannot be shown")
}

/// The operations without what speaks of one picture's content, or names it: parts and points of another mean nothing here.
fn of_any_picture(operations: &Operations) -> Operations {
    let gravity = operations.gravity.filter(|gravity| !matches!(gravity, Gravity::Point(..)));
    Operations { page: None, crop: None, trim: None, gravity, download: None, ..operations.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_of_the_missing_pictures_content_is_left_out_and_the_rest_stands() {
        for (asked, shown) in [
            (
                "page_2,crop_1:2:3:4,trim_5,w_40,h_30,fit_cover,g_fp:0.1:0.2,blur_3,f_webp,q_70,dl_a.webp",
                "w_40,h_30,fit_cover,blur_3,f_webp,q_70",
            ),
            ("w_40,h_30,fit_cover,g_smart,wm_logo:se:50:20", "w_40,h_30,fit_cover,g_smart,wm_logo:se:50:20"),
            ("w_40,h_30,fit_cover,g_nw,rot_90", "w_40,h_30,fit_cover,g_nw,rot_90"),
            ("crop_1:2:3:4", "_"),
        ] {
            assert_eq!(of_any_picture(&Operations::read(asked).unwrap()).to_string(), shown);
        }
    }
}
