//! Rules on workspaces: paths, steps, and the flow of layers between jobs.
use crate::flow::{Flow, Layer, Place};
use crate::glob::Pattern;
use crate::lint::Context;
use crate::plan::StepKind;
/// Most files of the checkout that are looked at for one item: what more a list of this length
/// would bring is not worth the time.
const MOST_FILES: usize = 100_000;
/// Says whether an item is everything in its root.
fn takes_all(item: &str) -> bool {
    let mut parts = item.split('/').filter(|p| !p.is_empty() && *p != ".");
    matches!((parts.next(), parts.next()), (None, _) | (Some("*"), None))
}
/// Returns the files of the checkout that an item of a layer takes along; nothing where the layer
/// is not made in the checkout, or where the checkout is not known.
fn tracked_below(
    context: &Context<'_>,
    flow: &Flow<'_>,
    layer: &Layer<'_>,
    item: &str,
) -> Option<Vec<String>> {
    let job = flow.job(layer.job);
    let wd = Place::of_working_directory(&job.working_directory.value);
    let checkout = job.steps[..layer.step].iter().find_map(|s| match &s.kind {
        StepKind::Checkout(c) => Some(wd.join(c.path.as_ref().map_or(".", |p| &p.value))),
        _ => None,
    })?;
    let below = checkout.to_below(&layer.root)?;
    let patterns: Vec<Pattern> = below
        .iter()
        .map(String::as_str)
        .chain(item.split('/').filter(|p| !p.is_empty() && *p != "."))
        .map(|part| Pattern::parse(part).ok())
        .collect::<Option<_>>()?;
    let tracked = context.tracked()?;
    let taken = tracked.iter().filter(|file| {
        let mut parts = file.split('/');
        patterns
            .iter()
            .all(|p| parts.next().is_some_and(|part| p.matches(part.as_bytes())))
    });
    Some(taken.take(MOST_FILES).cloned().collect())
}

pub(super) mod attach_before_checkout;
pub(super) mod attach_location_mismatch;
pub(super) mod attach_own_layer;
pub(super) mod attach_twice;
pub(super) mod attach_without_upstream;
pub(super) mod concurrent_persist_conflict;
pub(super) mod conditional_layer;
pub(super) mod cross_workflow_attach;
pub(super) mod glob_captures_tracked_files;
pub(super) mod home_mismatch;
pub(super) mod image_without_tar;
pub(super) mod layer_never_attached;
pub(super) mod layer_shadows_checkout;
pub(super) mod matrix_persist_conflict;
mod names;
pub(super) mod opaque_layers;
pub(super) mod orb_root_mismatch;
pub(super) mod overwrites_upstream_layer;
pub(super) mod parallel_persist_conflict;
pub(super) mod path_absolute;
pub(super) mod path_backslash;
pub(super) mod path_cache_template;
pub(super) mod path_escapes_root;
pub(super) mod path_globstar;
pub(super) mod path_invalid_glob;
pub(super) mod path_redundant;
pub(super) mod path_repeats_root;
pub(super) mod path_shell_variable;
pub(super) mod path_unsupported_glob;
pub(super) mod paths_not_a_list;
pub(super) mod persist_after_halt;
pub(super) mod persist_dependencies;
pub(super) mod persist_directory_may_be_absent;
pub(super) mod persist_secret;
pub(super) mod persist_skipped_on_failure;
pub(super) mod persist_whole_root;
pub(super) mod repersist_attached;
pub(super) mod unwritable_target;
pub(super) mod upstream_filtered_out;
pub(super) mod workspace_may_expire;
pub(super) mod workspace_outside_workflow;
mod written;
