//! The options that say what runs jobs, and in which images.

use super::CliError;
use crate::run::{EngineKind, Options};

/// What runs the jobs. The words speak for themselves: what is said of each would stretch the help.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum EngineArg {
    Host,
    Podman,
    Docker,
}

/// Sets the engine, and what stands for which image: each `FROM=TO`.
pub(super) fn set(
    options: &mut Options,
    engine: EngineArg,
    images: &[String],
) -> Result<(), CliError> {
    options.engine = match engine {
        EngineArg::Host => EngineKind::Host,
        EngineArg::Podman => EngineKind::Podman,
        EngineArg::Docker => EngineKind::Docker,
    };
    if options.engine == EngineKind::Host && !images.is_empty() {
        return Err(CliError::usage("the host engine takes no images")
            .hint("add --engine podman or --engine docker"));
    }
    let pair = |text: &String| {
        let parts = text.split_once('=');
        let parts = parts.filter(|(from, to)| !from.is_empty() && !to.is_empty());
        let (from, to) = parts.ok_or_else(|| {
            CliError::usage(format!("`{text}` says not which image stands for which"))
                .hint("write FROM=TO: `--image cimg/node:20.1=localhost/node`")
        })?;
        Ok((from.to_owned(), to.to_owned()))
    };
    options.images = images.iter().map(pair).collect::<Result<_, CliError>>()?;
    Ok(())
}
