//! The OCI index of a workspace: made from the refs on request, for tools that copy OCI layouts.
//! Never read by us, so that a stale one misleads nobody here.

use std::io::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use super::manifest::{ARTIFACT_TYPE, Descriptor};
use super::{LayerError, LayerId, Record, Workspace};

const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<IndexEntry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexEntry {
    #[serde(flatten)]
    descriptor: Descriptor,
    artifact_type: &'static str,
}

/// An index that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// The file.
    pub path: PathBuf,
    /// The layers with the names under which other tools find them.
    pub names: Vec<(LayerId, String)>,
}

impl Workspace {
    /// Writes `index.json` from the refs, in place of one that is there.
    ///
    /// # Errors
    /// The store cannot be read or written, or a layer's documents are damaged.
    pub fn write_index(&self) -> Result<Indexed, LayerError> {
        let mut names = Vec::new();
        let mut manifests = Vec::new();
        for layer in self.layers()? {
            let name = ref_name(&layer.id, &layer.record);
            let annotations =
                serde_json::Map::from_iter([(REF_NAME.to_owned(), name.clone().into())]);
            manifests.push(IndexEntry {
                descriptor: Descriptor {
                    media_type: MANIFEST_TYPE.to_owned(),
                    digest: layer.record.manifest,
                    size: layer.record.manifest_size,
                    annotations: Some(annotations),
                },
                artifact_type: ARTIFACT_TYPE,
            });
            names.push((layer.id, name));
        }
        let index = Index {
            schema_version: 2,
            media_type: INDEX_TYPE,
            manifests,
        };
        let path = self.dir().join("index.json");
        let failed = |error| LayerError::io("write", &path, error);
        let text = serde_json::to_vec(&index).map_err(|error| failed(error.into()))?;
        self.prepare_layout()?;
        let mut file = self.temp()?;
        file.write_all(&text).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(Indexed { path, names })
    }
}

/// Names a layer as `JOB.ATTEMPT.NODE.NUMBER`. A reference of OCI is words of letters and digits
/// with one separator between two of them; a job that has no such name goes by its digest.
fn ref_name(id: &LayerId, record: &Record) -> String {
    let separator = |c: char| matches!(c, '-' | '.' | '_' | ':' | '@' | '+');
    let fits = id
        .job
        .split(separator)
        .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric()));
    match fits {
        true => format!("{}.{}", id.job, id.ref_name()),
        false => format!("layer-{}", &record.manifest.hex()[..16]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Digest, Encoding};

    #[test]
    fn every_job_has_a_name_that_oci_takes() {
        let record = Record {
            manifest: Digest::of(b""),
            manifest_size: 0,
            layer: Digest::of(b""),
            layer_size: 0,
            encoding: Encoding::None,
        };
        let name = |job: &str| {
            let id = LayerId {
                job: job.to_owned(),
                attempt: 1,
                node: 2,
                seq: 3,
            };
            ref_name(&id, &record)
        };
        assert_eq!(name("build-app_1"), "build-app_1.1.2.3");
        for job in ["test 1", "é", "a--b", "_a", "orb/job", "a."] {
            assert_eq!(name(job), "layer-e3b0c44298fc1c14");
        }
    }
}
