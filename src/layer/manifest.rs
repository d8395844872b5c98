//! The documents of a layer: the ref (one line), the OCI manifest and the config with the facts.
//! Only their text; where they are stored is `store`'s business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Compression, Digest};

/// The type of the artifact, in the manifest.
pub const ARTIFACT_TYPE: &str = "application/vnd.holdall.workspace.v1";
/// The media type of the config.
pub const CONFIG_TYPE: &str = "application/vnd.holdall.workspace.config.v1+json";
/// The media type of a layer, without the suffix of its compression.
pub const LAYER_TYPE: &str = "application/vnd.holdall.workspace.layer.v1.tar";
/// The media type of a table of contents.
pub const TOC_TYPE: &str = "application/vnd.holdall.workspace.toc.v1+json+zstd";
pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const TITLE: &str = "org.opencontainers.image.title";

/// The compression of a stored layer: what a reader has to know, without a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Plain tar.
    None,
    /// gzip, any number of members.
    Gzip,
    /// zstd, any number of frames, windows up to 128 MiB.
    Zstd,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Returns the media type of a layer of this compression.
    #[must_use]
    pub fn media_type(self) -> String {
        match self {
            Self::None => LAYER_TYPE.to_owned(),
            other => format!("{LAYER_TYPE}+{}", other.name()),
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::None => "tar",
            Self::Gzip => "tar.gz",
            Self::Zstd => "tar.zst",
        }
    }
}

impl From<Compression> for Encoding {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None,
            Compression::Gzip => Self::Gzip,
            Compression::Zstd(_) => Self::Zstd,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The line of a ref: what commits a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The manifest's digest.
    pub manifest: Digest,
    /// The manifest's size in bytes.
    pub manifest_size: u64,
    /// The archive's digest.
    pub layer: Digest,
    /// The archive's size in bytes, compressed.
    pub layer_size: u64,
    /// How the archive is compressed.
    pub encoding: Encoding,
}

impl fmt::Display for Record {
    /// Writes the line without its LF.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "1 {} {} {} {} {}",
            self.manifest, self.manifest_size, self.layer, self.layer_size, self.encoding
        )
    }
}

impl FromStr for Record {
    type Err = String;

    /// Reads the line without its LF.
    fn from_str(line: &str) -> Result<Self, String> {
        let fields: Vec<&str> = line.split(' ').collect();
        let &[
            version,
            manifest,
            manifest_size,
            layer,
            layer_size,
            encoding,
        ] = fields.as_slice()
        else {
            return Err(format!("its ref has {} fields instead of 6", fields.len()));
        };
        if version != "1" {
            return Err(format!(
                "its ref has version `{}`, and this program knows 1",
                version.escape_debug()
            ));
        }
        // One spelling only: the shell twin compares text.
        let size = |text: &str| match text.parse::<u64>() {
            Ok(size) if size.to_string() == text => Ok(size),
            _ => Err(format!("its ref has the size `{}`", text.escape_debug())),
        };
        let digest = |text: &str| {
            text.parse::<Digest>()
                .map_err(|error| format!("its ref: {error}"))
        };
        Ok(Self {
            manifest: digest(manifest)?,
            manifest_size: size(manifest_size)?,
            layer: digest(layer)?,
            layer_size: size(layer_size)?,
            encoding: match encoding {
                "none" => Encoding::None,
                "gzip" => Encoding::Gzip,
                "zstd" => Encoding::Zstd,
                other => {
                    return Err(format!(
                        "its ref has the compression `{}`",
                        other.escape_debug()
                    ));
                }
            },
        })
    }
}

/// What the config blob says about a layer. Unknown keys are ignored on read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerConfig {
    /// The version of the config: 1.
    pub schema: u32,
    /// The workspace it was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The workflow, where one was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The job that made it.
    pub job: String,
    /// From 1.
    pub attempt: u32,
    /// The parallelism index, from 0.
    pub node: u32,
    /// How many nodes the job has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
    /// The n-th persist of the node, from 0.
    pub seq: u32,
    /// The root as the config of the job writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The items as they were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<String>>,
    /// The jobs directly required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires: Option<Vec<String>>,
    /// When it was made: RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Until when it should be kept: RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// How the archive is compressed.
    pub compression: Encoding,
    /// The archive's size before compression, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncompressed_size: Option<u64>,
    /// Files, folders and links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// Program and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
}

/// A pointer to a blob, as OCI has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob holds.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Notes for other tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<serde_json::Map<String, serde_json::Value>>,
}

/// An OCI image manifest, as far as a layer needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// 2, as OCI has it.
    pub schema_version: u32,
    /// The media type of this document.
    pub media_type: String,
    /// [`ARTIFACT_TYPE`].
    pub artifact_type: String,
    /// The facts.
    pub config: Descriptor,
    /// The archive, and perhaps its table of contents.
    pub layers: Vec<Descriptor>,
}

impl Manifest {
    /// Describes an archive and its config. The title is the name under which other tools save
    /// the archive: `<job>.<attempt>.<node>.<seq>.tar.zst`, with the job's encoded name.
    #[must_use]
    pub fn describe(config: Descriptor, record: LayerBlob<'_>) -> Self {
        let title = format!("{}.{}", record.title, record.encoding.extension());
        let mut annotations = serde_json::Map::new();
        annotations.insert(TITLE.to_owned(), title.into());
        Self {
            schema_version: 2,
            media_type: MANIFEST_TYPE.to_owned(),
            artifact_type: ARTIFACT_TYPE.to_owned(),
            config,
            layers: vec![Descriptor {
                media_type: record.encoding.media_type(),
                digest: record.digest,
                size: record.size,
                annotations: Some(annotations),
            }],
        }
    }

    /// Adds the table of contents of the archive.
    #[must_use]
    pub fn with_toc(mut self, digest: Digest, size: u64) -> Self {
        let title = self.layers.first().and_then(|layer| {
            let title = layer.annotations.as_ref()?.get(TITLE)?.as_str()?;
            Some(format!("{title}.toc.json.zst"))
        });
        let annotations = title.map(|title| {
            let mut annotations = serde_json::Map::new();
            annotations.insert(TITLE.to_owned(), title.into());
            annotations
        });
        self.layers.push(Descriptor {
            media_type: TOC_TYPE.to_owned(),
            digest,
            size,
            annotations,
        });
        self
    }

    /// Returns the table of contents, where the archive has one.
    #[must_use]
    pub fn toc(&self) -> Option<&Descriptor> {
        self.layers
            .get(1)
            .filter(|layer| layer.media_type == TOC_TYPE)
    }

    /// Returns the ref's line that belongs to a manifest of these bytes.
    #[cfg(feature = "registry")]
    pub(crate) fn record(&self, bytes: &[u8]) -> Result<Record, String> {
        let layer = self.layers.first().ok_or("its manifest names no archive")?;
        let encodings = [Encoding::None, Encoding::Gzip, Encoding::Zstd];
        let encoding = encodings
            .into_iter()
            .find(|encoding| encoding.media_type() == layer.media_type)
            .ok_or("its manifest is not that of a workspace layer")?;
        let record = Record {
            manifest: Digest::of(bytes),
            manifest_size: bytes.len() as u64,
            layer: layer.digest,
            layer_size: layer.size,
            encoding,
        };
        self.check(&record)?;
        Ok(record)
    }

    /// Checks that the manifest is one of ours and agrees with the ref.
    pub(crate) fn check(&self, record: &Record) -> Result<(), String> {
        if self.artifact_type != ARTIFACT_TYPE || self.config.media_type != CONFIG_TYPE {
            return Err("its manifest is not that of a workspace layer".to_owned());
        }
        let Some(layer) = self.layers.first() else {
            return Err("its manifest names no archive".to_owned());
        };
        if layer.media_type != record.encoding.media_type() {
            return Err("its manifest and its ref name different compressions".to_owned());
        }
        if (layer.digest, layer.size) != (record.layer, record.layer_size) {
            return Err("its manifest and its ref name different archives".to_owned());
        }
        Ok(())
    }
}

/// The archive that a manifest describes.
#[derive(Debug, Clone, Copy)]
pub struct LayerBlob<'a> {
    /// The name without an extension.
    pub title: &'a str,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// How it is compressed.
    pub encoding: Encoding,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_is_one_line_that_reads_back() {
        let record = Record {
            manifest: Digest::of(b"m"),
            manifest_size: 7,
            layer: Digest::of(b"l"),
            layer_size: 8,
            encoding: Encoding::Gzip,
        };
        assert_eq!(record.to_string().parse(), Ok(record));
        for bad in [
            "",
            "2 a 1 b 2 gzip",
            "1 sha256:00 1 sha256:00 2 gzip",
            &record.to_string().replace("gzip", "lz4"),
            &format!("{record} x"),
        ] {
            assert!(bad.parse::<Record>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_config_of_the_mandatory_keys_is_enough() {
        let text = r#"{"schema":1,"job":"build","attempt":1,"node":0,"seq":0,"compression":"gzip","extra":[1]}"#;
        let config: LayerConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.uncompressed_size, None);
        assert!(serde_json::from_str::<LayerConfig>(r#"{"schema":1,"job":"build"}"#).is_err());
    }
}
