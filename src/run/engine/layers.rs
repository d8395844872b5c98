//! The two workspace steps, in terms of the layer format.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::layer::{
    AttachRequest, Compression, Noted, PersistRequest, Transferred, Upstream, Workspace,
};
use crate::run::event::JobEvent;
use crate::run::report::LayerReport;
use crate::run::spec::{JobSpec, UpstreamJob};

/// How layers of a local run are packed: the fastest level that still halves most trees.
pub(super) const COMPRESSION: Compression = Compression::Zstd(1);

/// How often progress is worth a word.
const PROGRESS: Duration = Duration::from_millis(100);

/// Adds a layer.
pub(super) fn persist(
    spec: &JobSpec,
    root: &Path,
    root_text: &str,
    paths: &[String],
    seq: u32,
    emit: &mut dyn FnMut(JobEvent),
) -> Result<(), String> {
    let request = PersistRequest {
        job: spec.name.clone(),
        attempt: spec.attempt,
        node: spec.node,
        nodes: spec.nodes,
        seq: Some(seq),
        workflow: Some(spec.workflow.clone()),
        requires: spec.requires.clone(),
        root: root.to_owned(),
        root_text: root_text.to_owned(),
        paths: paths.to_vec(),
        compression: COMPRESSION,
        durable: false,
    };
    let made = workspace(spec).persist(&request, &mut progress(emit));
    let made = made.map_err(|e| explain(&e))?;
    for item in &made.unmatched {
        emit(JobEvent::Warning(format!("`{item}` matched nothing")));
    }
    emit(JobEvent::Persisted {
        tree: made.tree.to_string(),
        layer: LayerReport {
            job: made.id.job,
            attempt: made.id.attempt,
            node: made.id.node,
            seq: made.id.seq,
            digest: made.layer.to_string(),
            size: made.size,
            entries: made.entries,
        },
    });
    Ok(())
}

/// An attach whose files the job may read from now on.
pub(super) struct Watch {
    at: PathBuf,
    noted: Noted,
}

/// Notes what of the attached files the job has read. What cannot be noted is left out of the
/// advice at the end of a run, and fails nothing.
pub(super) fn note_reads(spec: &JobSpec, watched: Vec<Watch>) {
    for watch in watched {
        let _ = workspace(spec).note_reads(watch.noted, &watch.at);
    }
}

/// Applies the upstream layers.
pub(super) fn attach(
    spec: &JobSpec,
    at: &Path,
    at_text: &str,
    upstream: &[UpstreamJob],
    emit: &mut dyn FnMut(JobEvent),
) -> Result<Option<Watch>, String> {
    let jobs = upstream.iter().map(|job| Upstream {
        job: job.job.clone(),
        after: job.after.clone(),
    });
    let request = AttachRequest {
        at: at.to_owned(),
        upstream: jobs.collect(),
    };
    let attached = workspace(spec).attach(&request, &mut progress(emit));
    let attached = attached.map_err(|e| explain(&e))?;
    if attached.layers.is_empty() {
        let why = if upstream.is_empty() {
            "the job requires no other job".to_owned()
        } else {
            let names: Vec<&str> = upstream.iter().map(|job| job.job.as_str()).collect();
            format!("none of {} persisted anything", names.join(", "))
        };
        emit(JobEvent::Warning(format!("no layers upstream: {why}")));
    }
    let noted = workspace(spec).note_attach(Some(&spec.name), &attached);
    let tree = attached.tree.to_string();
    let layers = attached.layers.into_iter().map(|layer| LayerReport {
        job: layer.id.job,
        attempt: layer.id.attempt,
        node: layer.id.node,
        seq: layer.id.seq,
        digest: layer.layer.to_string(),
        size: layer.size,
        entries: layer.entries,
    });
    emit(JobEvent::Attached {
        at: at_text.to_owned(),
        layers: layers.collect(),
        tree,
    });
    Ok(noted.ok().map(|noted| Watch {
        at: at.to_owned(),
        noted,
    }))
}

fn workspace(spec: &JobSpec) -> Workspace {
    Workspace::in_dir(Path::new(&spec.store), &spec.workspace)
}

fn progress<'a>(emit: &'a mut dyn FnMut(JobEvent)) -> impl FnMut(Transferred) + 'a {
    let mut last = Instant::now();
    move |so_far| {
        if last.elapsed() >= PROGRESS {
            last = Instant::now();
            emit(JobEvent::Progress {
                bytes: so_far.bytes,
                entries: so_far.entries,
            });
        }
    }
}

/// Writes an error with everything that caused it, unless it says so itself.
pub(super) fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
