//! `sealpix openapi`: the admin API's document.

use clap::Args;

use super::CommandError;

/// Print the admin API's OpenAPI document.
#[derive(Args)]
pub(crate) struct Openapi {}

impl Openapi {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        super::out::line(format_args!("{}", sealpix_origin::admin::openapi().trim_end()));
        Ok(())
    }
}
