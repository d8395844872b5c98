//! A folder as the other end of a copy: a store on a share, or a second one on the same machine.
//! As the store of a command a folder needs no transport; see `Workspace::open`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use super::{Blob, Created, Fault, FaultKind, Listed, RemoteRef, Transport};
use crate::layer::digest::Hashing;
use crate::layer::manifest::Record;
use crate::layer::store::Committed;
use crate::layer::{LayerError, LayerId, Workspace};

pub(super) struct Folder(Workspace);

impl Folder {
    pub(super) fn new(store: &Path, workspace: &str) -> Self {
        Self(Workspace::in_dir(store, workspace))
    }
}

fn fault(error: LayerError) -> Fault {
    let hint = error.hint();
    let fault = Fault::new(FaultKind::Final, error.to_string());
    match hint {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

fn disk(error: io::Error) -> Fault {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => FaultKind::Absent,
        io::ErrorKind::PermissionDenied => FaultKind::Denied,
        _ => FaultKind::Final,
    };
    Fault::new(kind, error.to_string())
}

impl Transport for Folder {
    fn place(&self) -> String {
        String::new()
    }

    fn list(&self) -> Result<Vec<Listed>, Fault> {
        let ids = self.0.ids().map_err(fault)?;
        Ok(ids
            .iter()
            .map(|id| Listed {
                name: self.name(id),
                stored: None,
            })
            .collect())
    }

    fn name(&self, id: &LayerId) -> String {
        format!("{}/{}", crate::layer::encode_job(&id.job), id.ref_name())
    }

    fn same(&self, listed: &Listed, known: &Record, _: SystemTime) -> Result<bool, Fault> {
        Ok(self
            .read(listed)?
            .is_some_and(|found| found.record == *known))
    }

    fn read(&self, listed: &Listed) -> Result<Option<RemoteRef>, Fault> {
        let id = LayerId::from_listed(&listed.name)
            .ok_or_else(|| Fault::new(FaultKind::Final, "a ref has an odd name"))?;
        let record = self.0.record(&id).map_err(fault)?;
        Ok(record.map(|record| RemoteRef {
            id,
            record,
            documents: Vec::new(),
        }))
    }

    fn create(&self, id: &LayerId, record: &Record, manifest: &[u8]) -> Result<Created, Fault> {
        self.0.prepare(&id.job).map_err(fault)?;
        self.0.put_document(manifest, false).map_err(fault)?;
        match self.0.commit_ref(id, record, false).map_err(fault)? {
            Committed::New => Ok(Created::New),
            Committed::Exists(existing) if existing == *record => Ok(Created::New),
            Committed::Exists(record) => Ok(Created::Exists(Box::new(RemoteRef {
                id: id.clone(),
                record,
                documents: Vec::new(),
            }))),
        }
    }

    fn has(&self, blob: Blob) -> Result<bool, Fault> {
        // A blob of the right size may be torn; only a rename over it makes sure.
        let _ = blob;
        Ok(false)
    }

    fn put(&self, blob: Blob, file: &Path, sent: &(dyn Fn(u64) + Sync)) -> Result<(), Fault> {
        self.0.prepare_layout().map_err(fault)?;
        let mut source = Hashing::new(File::open(file).map_err(disk)?);
        let mut target = self.0.temp().map_err(fault)?;
        let mut buffer = vec![0; 1 << 17];
        loop {
            let count = source.read(&mut buffer).map_err(disk)?;
            if count == 0 {
                break;
            }
            target.write_all(&buffer[..count]).map_err(disk)?;
            sent(count as u64);
        }
        let (_, digest, size) = source.finish();
        if (digest, size) != (blob.digest, blob.size) {
            let what = format!("{} is damaged where it is copied from", blob.digest);
            return Err(Fault::new(FaultKind::Final, what));
        }
        self.0.commit_blob(target, digest, false).map_err(fault)
    }

    fn get(
        &self,
        blob: Blob,
        from: u64,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Fault> {
        let mut file = File::open(self.0.blob_path(blob.digest)).map_err(disk)?;
        file.seek(SeekFrom::Start(from)).map_err(disk)?;
        let mut buffer = vec![0; 1 << 17];
        loop {
            match file.read(&mut buffer).map_err(disk)? {
                0 => return Ok(()),
                count => take(&buffer[..count]).map_err(disk)?,
            }
        }
    }

    fn makes_itself(&self) -> bool {
        true
    }

    fn caveat(&self) -> Option<String> {
        None
    }
}
