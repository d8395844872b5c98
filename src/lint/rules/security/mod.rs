//! Rules on what a stranger could use.

pub(super) mod context_on_unfiltered_job;
pub(super) mod dev_orb;
pub(super) mod hardcoded_credential;
pub(super) mod latest_image;
pub(super) mod plaintext_registry_password;
pub(super) mod remote_script;
pub(super) mod script_injection;
pub(super) mod secret_printed;
pub(super) mod tls_verification_disabled;
pub(super) mod unpinned_image;
pub(super) mod unpinned_orb;
pub(super) mod unquoted_branch_variable;

use crate::lint::Context;
use crate::lint::machine::Image;
use crate::plan::{ExecutorKind, Located};
use crate::yaml::{Location, SourceId};

/// Returns the orbs that the config takes by reference, with the place of each reference.
fn orbs<'c>(context: &Context<'c>) -> Vec<(Location, &'c str)> {
    let root = context.compiled.tree.root();
    let orbs = root.and_then(|r| r.get("orbs"));
    let entries = orbs.into_iter().flat_map(|o| o.value.entries());
    entries
        .filter_map(|orb| {
            let text = orb.value.text()?;
            let at = Location::new(SourceId::default(), orb.value.span());
            (!text.contains("<<")).then_some((at, text))
        })
        .collect()
}

/// Returns the images of all containers, each place once.
fn images<'c>(context: &Context<'c>) -> Vec<(&'c Located<String>, Image)> {
    let mut out: Vec<(&Located<String>, Image)> = Vec::new();
    let mut seen = crate::hash::HashSet::default();
    for executor in context.jobs().filter_map(|j| j.executor.as_ref()) {
        let ExecutorKind::Docker(images) = &executor.kind else {
            continue;
        };
        for image in images {
            let known = !image.image.value.is_empty() && !image.image.value.contains(['<', '$']);
            if known && seen.insert((image.image.written(), image.image.value.as_str())) {
                out.push((&image.image, Image::parse(&image.image.value)));
            }
        }
    }
    out
}
