//! What can go wrong with a layer or a store: values with a kind and a hint, no text of a
//! terminal.

use std::io;
use std::path::{Path, PathBuf};

use crate::glob::PatternError;

use super::LayerId;

/// Whom an error concerns; the command line maps it to an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request, the tree or a layer is at fault: a conflict, no match, a refused archive.
    Input,
    /// A file could not be read, or the store or the target could not be reached or written.
    Unreachable,
}

/// Why an archive or one of its entries was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", entry.as_ref().map(|e| format!("entry `{e}`: ")).unwrap_or_default())]
pub struct Refusal {
    /// The entry's name with control characters escaped; none where the archive as a whole is at
    /// fault.
    pub entry: Option<String>,
    /// What the archive profile says about it.
    pub reason: String,
}

/// What went wrong with a layer or a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// A name, number or order in the request makes no sense.
    #[error("{0}")]
    Request(String),
    /// No item selected anything; the words are CircleCI's.
    #[error("The specified paths did not match any files in {}", root.display())]
    NoMatch {
        /// The absolute root.
        root: PathBuf,
        /// The items as they were given.
        paths: Vec<String>,
    },
    /// The root does not exist or is no folder; the words are CircleCI's.
    #[error("Error locating workspace root directory: stat {}: {reason}", root.display())]
    Root {
        /// The absolute root.
        root: PathBuf,
        /// What the system said, in the system's words.
        reason: String,
    },
    /// An item is malformed in the `filepath.Match` dialect.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// An item is absolute or climbs out of the root.
    #[error("the path `{item}` {reason}")]
    PathItem {
        /// The item as it was given.
        item: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A socket, device or FIFO was selected, which no layer can hold.
    #[error("`{path}` is a {what}, which a layer cannot hold")]
    Special {
        /// The path relative to the root, printable.
        path: String,
        /// `socket`, `device` or `FIFO`.
        what: &'static str,
    },
    /// A selected path has a name that the archive profile does not allow.
    #[error("`{path}` cannot be part of a layer: {reason}")]
    Name {
        /// The path relative to the root, printable.
        path: String,
        /// What the profile says.
        reason: &'static str,
    },
    /// A file changed while it was read, twice.
    #[error("`{path}` changed while it was read")]
    Changed {
        /// The path relative to the root, printable.
        path: String,
    },
    /// A file or folder was found and was gone when it was to be read, twice.
    #[error("`{path}` vanished while it was read")]
    Vanished {
        /// The path relative to the root, printable.
        path: String,
    },
    /// The number is taken by a layer of other bytes.
    #[error("layer {id} exists already, with other bytes")]
    Taken {
        /// The layer that is there.
        id: LayerId,
    },
    /// The workspace is past its lifetime.
    #[error("the workspace {workspace} expired on {expired}; now it is {now}")]
    Expired {
        /// The workspace's name.
        workspace: String,
        /// RFC 3339, UTC.
        expired: String,
        /// RFC 3339, UTC.
        now: String,
    },
    /// Layers that are not ordered hold the same path; the first words are CircleCI's.
    #[error(
        "Concurrent upstream jobs persisted the same file(s): {first} and {second} both hold {}",
        list(paths)
    )]
    Conflict {
        /// The layer that comes earlier in the order of this attach.
        first: LayerId,
        /// The other layer.
        second: LayerId,
        /// The paths, printable; all of them.
        paths: Vec<String>,
    },
    /// A path is a folder in one layer and something else in another.
    #[error("`{path}` is a folder in {folder} and none in {other}")]
    Clash {
        /// The path, printable.
        path: String,
        /// The layer in which it is a folder.
        folder: LayerId,
        /// The layer in which it is a file or a link.
        other: LayerId,
    },
    /// An archive breaks the profile.
    #[error("layer {layer} is refused: {refusal}")]
    Refused {
        /// The layer.
        layer: LayerId,
        /// The entry and the reason.
        refusal: Refusal,
    },
    /// A ref, manifest, config or archive is not what its digest, size or schema says.
    #[error("layer {layer} is damaged: {reason}")]
    Damaged {
        /// The layer.
        layer: LayerId,
        /// What differs from what.
        reason: String,
    },
    /// The layer that was asked for is not in the store.
    #[error("there is no layer {0}")]
    Missing(LayerId),
    /// The system or the file system of the target takes a name for something else.
    #[error("`{path}` cannot be written here: {reason}")]
    NotHere {
        /// The path relative to the target, printable.
        path: String,
        /// What it would be taken for.
        reason: String,
    },
    /// Something that is no file of a layer is in the way in the target.
    #[error("`{path}` in the target is a folder, and the layer {layer} holds a file there")]
    InTheWay {
        /// The path relative to the target, printable.
        path: String,
        /// The layer that holds a file or link of this name.
        layer: LayerId,
    },
    /// A store elsewhere could not be reached or refused.
    #[error("the store {store}: {reason}")]
    Remote {
        /// Its URL.
        store: String,
        /// What happened there.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The store is of a kind that this build does not speak to.
    #[error("this build of holdall does not speak to {url}")]
    Lacks {
        /// The store's URL.
        url: String,
        /// The cargo feature that adds its kind.
        feature: &'static str,
    },
    /// The disk is full.
    #[error("no space left while writing {}", path.display())]
    NoSpace {
        /// What was being written.
        path: PathBuf,
    },
    /// The system refused to read or write.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// A verb: `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What Windows says to who may not make a symbolic link: `ERROR_PRIVILEGE_NOT_HELD`.
const NO_PRIVILEGE: i32 = 1314;

/// At most ten names; a conflict of whole trees would fill the screen.
fn list(paths: &[String]) -> String {
    let shown: Vec<String> = paths
        .iter()
        .take(10)
        .map(|path| format!("`{path}`"))
        .collect();
    match paths.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl LayerError {
    /// Makes an error of a failed read or write; a full disk gets a variant of its own.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }

    /// Returns whom the error concerns.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSpace { .. } | Self::Io { .. } | Self::Remote { .. } | Self::Lacks { .. } => {
                ErrorKind::Unreachable
            }
            _ => ErrorKind::Input,
        }
    }

    /// Returns a stable name for machines: `layer::conflict` and the like.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "layer::request",
            Self::NoMatch { .. } => "layer::no-match",
            Self::Root { .. } => "layer::root-missing",
            Self::Pattern(_) => "layer::bad-pattern",
            Self::PathItem { .. } => "layer::path-item",
            Self::Special { .. } => "layer::special-file",
            Self::Name { .. } => "layer::name",
            Self::Changed { .. } => "layer::changed",
            Self::Vanished { .. } => "layer::vanished",
            Self::Taken { .. } => "layer::taken",
            Self::Expired { .. } => "layer::expired",
            Self::Conflict { .. } => "layer::conflict",
            Self::Clash { .. } => "layer::clash",
            Self::Refused { .. } => "layer::refused",
            Self::Damaged { .. } => "layer::damaged",
            Self::Missing(_) => "layer::missing",
            Self::NotHere { .. } => "layer::name-here",
            Self::InTheWay { .. } => "layer::in-the-way",
            Self::Remote { .. } => "layer::remote",
            Self::Lacks { .. } => "layer::kind-of-store",
            Self::NoSpace { .. } => "layer::no-space",
            Self::Io { .. } => "layer::io",
        }
    }

    /// Returns what the reader can do about it, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoMatch { root, paths } => {
                let repeated = root.file_name().and_then(|name| name.to_str()).and_then(|name| {
                    paths.iter().find(|path| path.split('/').next() == Some(name))
                });
                match repeated {
                    Some(path) => format!("paths are relative to the root, and `{path}` repeats the root's own name"),
                    None => "paths are relative to the root; `*` does not cross a `/`, and `**` is a plain `*`".to_owned(),
                }
            }
            Self::Root { .. } => {
                "the root is relative to the job's working directory, and environment variables are not expanded in it".to_owned()
            }
            Self::Pattern(_) => {
                "the dialect is Go's filepath.Match: `\\` takes the next character as it is".to_owned()
            }
            Self::PathItem { .. } => {
                "paths are relative to the root; choose a root further up, and name the path from there".to_owned()
            }
            Self::Special { .. } | Self::Name { .. } => {
                "narrow the paths so that it is left out, or remove it first".to_owned()
            }
            Self::Vanished { .. } => "wait for what removes it before persisting, or narrow the paths; nothing was stored".to_owned(),
            Self::Changed { .. } => "stop what writes to it before persisting, or narrow the paths".to_owned(),
            Self::Taken { .. } => "leave the number out to add one more layer, or count the attempt up".to_owned(),
            Self::Expired { .. } => "run the jobs that made its layers again, in a new workspace".to_owned(),
            Self::Conflict { .. } => {
                "let one job require the other, give the files distinct names, or narrow the paths".to_owned()
            }
            Self::Clash { .. } => "give one of the two another name, or narrow the paths".to_owned(),
            Self::Refused { .. } => "the archive was not made by holdall; do not extract it by other means".to_owned(),
            Self::Damaged { .. } => "run the job that made it again, as a new attempt".to_owned(),
            Self::Missing(_) => "`holdall layers ls` shows what the workspace holds".to_owned(),
            Self::NotHere { .. } => "give it another name in the job that persists it, narrow its paths, or attach elsewhere; nothing was written".to_owned(),
            Self::InTheWay { .. } => "remove the folder first, or attach elsewhere".to_owned(),
            Self::NoSpace { .. } => "nothing half-written counts as a layer; make room and try again".to_owned(),
            Self::Lacks { feature, .. } => format!(
                "build it with `cargo install holdall --features {feature}`; the released binaries have it"
            ),
            Self::Remote { hint, .. } => return hint.clone(),
            // Windows lets not everybody make symbolic links.
            Self::Io { source, .. } if cfg!(windows) && source.raw_os_error() == Some(NO_PRIVILEGE) => {
                "the layer holds a symbolic link: switch Windows' developer mode on, or run as administrator".to_owned()
            }
            Self::Request(_) | Self::Io { .. } => return None,
        };
        Some(text)
    }
}

impl miette::Diagnostic for LayerError {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(LayerError::code(self)))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.hint()
            .map(|hint| Box::new(hint) as Box<dyn std::fmt::Display>)
    }
}
