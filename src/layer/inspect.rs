//! Looks at what a workspace holds, without applying any of it.

use std::collections::{BTreeMap, BTreeSet};

use super::archive::Entry;
use super::plan::{Ground, read_layer, read_listing};
use super::store::LayerInfo;
use super::tally::Tally;
use super::{LayerError, LayerId, Progress, Upstream, Workspace};

/// What a check of a layer found.
#[derive(Debug)]
pub struct Verdict {
    /// The layer.
    pub id: LayerId,
    /// What is wrong with it; none where nothing is.
    pub problem: Option<LayerError>,
}

impl Workspace {
    /// Returns all layers in the order of job, attempt, node and number. The archives are not
    /// read.
    ///
    /// # Errors
    /// The store cannot be read, or a document of a layer is damaged.
    pub fn layers(&self) -> Result<Vec<LayerInfo>, LayerError> {
        let ids = self.ids()?;
        self.prefetch(&ids, false)?;
        let mut layers = Vec::new();
        for id in ids {
            match self.layer(&id) {
                // Its line has no end: a crash left it, and it does not count.
                Err(LayerError::Missing(_)) => {}
                other => layers.push(other?),
            }
        }
        Ok(layers)
    }

    /// Returns what a layer holds, in the order of its archive, after checking all of it.
    ///
    /// # Errors
    /// The layer is missing, damaged or refused.
    pub fn files(&self, id: &LayerId) -> Result<Vec<Entry>, LayerError> {
        self.files_counted(id, &mut Tally::unwatched())
    }

    pub(super) fn files_counted(
        &self,
        id: &LayerId,
        tally: &mut Tally<'_>,
    ) -> Result<Vec<Entry>, LayerError> {
        let info = self.layer(id)?;
        let mut ground = Ground::default();
        let planned = read_layer(self, info, self.budget, &mut ground, tally)?;
        Ok(planned.list.entries(&ground.arena))
    }

    /// Returns what a layer holds, as its table of contents says where it has one; the archive
    /// is read only where it has none.
    ///
    /// # Errors
    /// The layer is missing, or what was read of it is damaged or refused.
    pub fn listed(&self, id: &LayerId) -> Result<Vec<Entry>, LayerError> {
        let info = self.layer(id)?;
        let mut ground = Ground::default();
        let planned = read_listing(self, info, self.budget, &mut ground)?;
        Ok(planned.list.entries(&ground.arena))
    }

    /// Checks every layer: digests and sizes of ref, manifest, config
    /// and archive, and every rule of the archive profile. Of a store elsewhere everything is
    /// downloaded anew: what the mirror holds says nothing of it.
    ///
    /// # Errors
    /// The store cannot be listed. What is wrong with a layer is a value, so that one damaged
    /// layer does not hide the next.
    pub fn verify(&self, progress: &mut Progress<'_>) -> Result<Vec<Verdict>, LayerError> {
        let tally = &mut Tally::new(progress);
        if let Some((_guard, fresh)) = self.afresh()? {
            return fresh.verdicts(tally);
        }
        self.verdicts(tally)
    }

    fn verdicts(&self, tally: &mut Tally<'_>) -> Result<Vec<Verdict>, LayerError> {
        let ids = self.ids()?;
        // What cannot be fetched is told below, layer by layer; a store that is gone is not.
        match self.prefetch(&ids, false) {
            Err(LayerError::Damaged { .. }) | Ok(()) => {}
            Err(error) => return Err(error),
        }
        let mut verdicts = Vec::new();
        for id in ids {
            let problem = match self.files_counted(&id, tally) {
                Ok(_) => None,
                // Its line has no end: a crash left it, and it does not count.
                Err(LayerError::Missing(_)) => continue,
                Err(problem) => Some(problem),
            };
            verdicts.push(Verdict { id, problem });
        }
        Ok(verdicts)
    }

    /// Returns all jobs of the workspace as the upstream of an attach, ordered by what their
    /// layers recorded as required; jobs that nothing orders come by name.
    ///
    /// # Errors
    /// A document of a layer is damaged, or the recorded requirements form a cycle.
    pub fn recorded_upstream(&self) -> Result<Vec<Upstream>, LayerError> {
        let mut requires: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for layer in self.layers()? {
            requires
                .entry(layer.config.job)
                .or_default()
                .extend(layer.config.requires.unwrap_or_default());
        }
        let mut upstream: Vec<Upstream> = Vec::new();
        while !requires.is_empty() {
            let ready: Vec<String> = requires
                .iter()
                .filter(|(_, jobs)| jobs.iter().all(|job| !requires.contains_key(job)))
                .map(|(job, _)| job.clone())
                .collect();
            let Some(job) = ready.into_iter().next() else {
                let jobs: Vec<String> = requires.into_keys().collect();
                return Err(LayerError::Request(format!(
                    "the recorded requirements of {} form a cycle",
                    jobs.join(", ")
                )));
            };
            let after = requires.remove(&job).unwrap_or_default();
            upstream.push(Upstream {
                job,
                after: after.into_iter().collect(),
            });
        }
        Ok(upstream)
    }
}
